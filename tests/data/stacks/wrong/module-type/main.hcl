cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

module "fleet" {
  source   = "./fleet"
  template = template.debian13
  guests   = { lobby = { cores = 2 }, survival = { cores = "many" } }
}
