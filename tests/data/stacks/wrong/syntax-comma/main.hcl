locals {
  list   = ["a" "b"]
  object = { a = 1 b = 2 }
}
