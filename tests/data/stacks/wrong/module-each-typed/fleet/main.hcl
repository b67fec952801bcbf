variable "template" {
  type = template
}

variable "guests" {                            # related: declared here
  type = map(object({ cores = number, disks = map(number) }))
}

module "guest" {
  source   = "./guest"
  for_each = var.guests
  template = var.template
  guest    = each.value
}
