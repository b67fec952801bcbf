locals {
  a = {
    one     = 1
    (var.b) = 2
    (var.b) = 3                                 # error: key `(var.b)` is given twice
  }
}
