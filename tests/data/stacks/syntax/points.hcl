locals {
  a = [[1]]
  b = local.a.0 .0                              # error: two indices in a row cannot be written with dots ~ in brackets
}
