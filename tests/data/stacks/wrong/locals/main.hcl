locals {
  a = local.b
  b = local.c
  c = "${local.a}x"
}

locals {
  d = 1
}

locals {
  d = 2
  e = local.f
}
