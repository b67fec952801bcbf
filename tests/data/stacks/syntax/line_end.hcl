locals {
  a = max(
    1, 2) +                                     # error: a value cannot go on over the end of a line at `+` ~ in parentheses
  b
}
