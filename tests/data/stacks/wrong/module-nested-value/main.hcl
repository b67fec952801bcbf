cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

variable "defaults" {
  default = { power = "on", clone = "ful" }    # related: `local.guest["clone"]` comes from here
}

module "fleet" {
  source   = "./fleet"
  template = template.debian13
  count    = 3
  guest    = merge(var.defaults, { name = "not a name" }) # related: `local.guest.name` comes from here
}
