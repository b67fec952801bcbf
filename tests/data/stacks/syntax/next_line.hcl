locals {
  a = [1, 2]
    == [3]                                      # error: a value cannot go on over the end of a line at `==` ~ in parentheses
}
