cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

locals {
  large = { cores = "many", tags = ["event"] } # related: `each.value` comes from here
}

module "region" {
  source   = "./region"
  for_each = { eu = "Frankfurt", us = "Ashburn" }
  template = template.debian13
  fleets = {
    minecraft = {
      lobby    = { cores = 2, memory = 4 }     # related: `each.value` comes from here
      survival = local.large
    }
  }
}
