locals {
  list   = ["a" "b"]                           # error: expected `,` before `"b"`
  object = { a = 1 b = 2 }
}
