cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

module "registry" {
  source = "terraform-aws-modules/vpc/aws"
}

module "github" {
  source = "github.com/example/fleet"
}

module "missing" {
  source = "./flet"
}

module "nothing" {
}

module "computed" {
  source = "./${local.name}"
}

module "fleet" {
  source   = "./fleet"
  sise     = 4
  version  = "1.2.0"
  providers = {
    proxmox = proxmox.eu
  }
}

locals {
  name = "fleet"
  a    = module.flet.names
  b    = module.fleet.nams
  c    = module.fleet[0].names
  d    = module.fleet
}
