locals {
  a = 5.e3                                      # error: `5.e3` is not a number ~ `5.0e3`
}
