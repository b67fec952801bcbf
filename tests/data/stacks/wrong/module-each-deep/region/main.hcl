variable "template" {
  type = template
}

variable "fleets" {
  type = any
}

module "fleet" {
  source   = "./fleet"
  for_each = var.fleets
  template = var.template
  guests   = each.value
}
