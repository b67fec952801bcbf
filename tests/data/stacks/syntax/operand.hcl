locals {
  a = 1 +                                       # error: an operand is missing after `+`
}
