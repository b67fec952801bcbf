locals {
  name = "mc-${local.kind                      # error: this string is not closed, expected `"` before the end of the line
  kind = "lobby"
}
