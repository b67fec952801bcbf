locals {
  a = [1, 2]
    == [3]                                      # error: a value ends with its line, found `==` on the next one ~ in parentheses
}
