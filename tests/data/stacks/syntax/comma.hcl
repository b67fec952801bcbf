locals {
  a = ["x" "y"]                                 # error: expected `,` before `"y"`
}
