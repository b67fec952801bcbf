locals {
  b = { c = 1 }
  a = local.b.                                  # error: a name is missing after this `.`
  c = 2
}
