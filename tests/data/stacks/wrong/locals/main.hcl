locals {
  a = local.b
  b = local.c
  c = "${local.a}x"
}

locals {
  d = 1                                        # related: first declared here
}

locals {
  d = 2                                        # error: `local.d` is declared twice, expected once
  e = local.f                                  # error: there is no local value `f` ~ declared are `a`, `b`, `c`, `d`, `e`
}
