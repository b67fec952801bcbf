locals {
  a = true ? 1                                  # error: `:` and the value for the other case are missing after this `?`
}
