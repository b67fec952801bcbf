cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

module "a" {
  source = "./a"
  input  = module.b.output                     # related: `module.a.var.input` refers to `output` here
}

module "b" {
  source = "./b"
  input  = module.a.output                     # related: `module.b.var.input` refers to `output` here
}
