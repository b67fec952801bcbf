cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

module "fleet" {
  source   = "./fleet"
  template = template.debian13
  sizes    = { small = 2, large = 8 }
}

output "names" {
  value = module.fleet.nmaes                    # error: the module has no output `nmaes` ~ did you mean `names`
}
