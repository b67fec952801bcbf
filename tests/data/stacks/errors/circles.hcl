locals {
  a = local.b
  b = local.c + 1
  c = local.a                                   # error: `local.a` depends on itself: local.a -> local.b -> local.c -> local.a
}
