locals {
  sizes = { small = 2, large = 8 }
  list  = ["a", "b"]
  none  = null
  a     = "2" + "two"
  b     = 1 / 0
  c     = !"no"
  d     = local.list + ["c"]
  e     = "name" && true
  f     = 1 < "x"
  g     = local.none.name
  h     = "${local.list}"
  i     = "${local.none}-x"
  j     = local.list.name
  k     = local.list["first"]
  l     = local.list[2]
  m     = local.list[-1]
  n     = local.sizes["medium"]
  o     = true ? 1 : { a = 1 }
  p     = "x" ? 1 : 2
  q     = [for size in local.sizes : size.cores]
  r     = { for item in ["a", "a"] : item => 1 }
  s     = [for item in 5 : item]
  t     = local.sizes.*.name
}
