locals {
  a = 1
}
# error below: this comment is never closed
/* and so on
