locals {
  a = "${var.x"                                 # error: this string is not closed
}
