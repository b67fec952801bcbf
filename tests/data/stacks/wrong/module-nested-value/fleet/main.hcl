variable "template" {
  type = template
}

variable "guest" {
  type = map(string)
}

locals {
  guest = var.guest
}

vm "guest" {
  template = var.template
  power    = local.guest.power
  clone    = local.guest["clone"]
  name     = local.guest.name
}
