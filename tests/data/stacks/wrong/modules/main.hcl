cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

module "registry" {
  source = "terraform-aws-modules/vpc/aws"     # error: `terraform-aws-modules/vpc/aws` is not a folder, expected a path that begins with `./` or `../`
}

module "github" {
  source = "github.com/example/fleet"          # error: `github.com/example/fleet` is not a folder, expected a path that begins with `./` or `../` ~ a repository is `git::https://github.com/example/fleet`
}

module "missing" {
  source = "./flet"                            # error: there is no folder `flet`
}

module "nothing" {                             # error: `module.nothing` has no `source`, expected a folder such as `"./modules/nothing"`
}

module "computed" {
  source = "./${local.name}"                   # error: expected a constant, found the reference `local.name`
}

module "fleet" {                               # error: the module needs a value for `size` # related: called here
  source   = "./fleet"
  sise     = 4                                 # error: the module has no variable `sise` ~ did you mean `size`?
  version  = "1.2.0"                           # error: the module has no variable `version`
  providers = {                                # error: the module has no variable `providers` ~ where a module runs is `cluster = cluster.NAME`
    proxmox = proxmox.eu                       # error: there is nothing called `proxmox`
  }
}

locals {
  name = "fleet"
  a    = module.flet.names                     # error: there is no module call `flet` ~ did you mean `module.fleet`?
  b    = module.fleet.nams                     # error: the module has no output `nams` ~ did you mean `names`?
  c    = module.fleet[0].names                 # error: `module.fleet` has neither `count` nor `for_each`, so no instance `[0]` ~ write `module.fleet`
  d    = module.fleet
}
