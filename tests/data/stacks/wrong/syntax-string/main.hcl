locals {
  name = "mc-${local.kind
  kind = "lobby"
}
