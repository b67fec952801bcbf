cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

module "a" {
  source = "./a"
  input  = module.b.output
}

module "b" {
  source = "./b"
  input  = module.a.output
}
