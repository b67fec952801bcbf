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
  power    = local.guest.power                 # error: wrong value for `power`: `on` is not one of `running`, `stopped`, `ignore` ~ and 2 more instances ~ local.guest.power is "on"
  clone    = local.guest["clone"]              # error: wrong value for `clone`: `ful` is not one of `full`, `linked` ~ did you mean `full`? ~ and 2 more instances ~ local.guest["clone"] is "ful"
  name     = local.guest.name                  # error: wrong value for `name`: `not a name` is not a host name, expected at most 63 letters, digits and inner dashes ~ and 2 more instances ~ local.guest.name is "not a name"
}
