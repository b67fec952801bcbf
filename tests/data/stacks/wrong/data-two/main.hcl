cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "mc" {
  template = template.debian13
  node     = data.node.circle.name
}

data "vm" "late" {                            # error: `data.vm.late` depends on `vm.mc` ~ refer to `vm.mc` itself
  vmid = vm.mc.vmid
}

data "node" "wrong" {
  nmae = "pve1"                               # error: unknown attribute `nmae` ~ did you mean `name`?
  name = "pve1"
}

data "node" "missing" {                       # error: missing attribute `name`
}

data "node" "circle" {
  name = "pve1"
}

data "nodes" "typed" {
  online = "perhaps"                          # error: wrong value for `online`
}

data "node" "given" {
  name  = "pve1"
  cores = 4                                   # error: `cores` can be read, not written
}

data "vm" "elsewhere" {
  name    = "router"
  cluster = "lab"                             # error: `cluster` takes a cluster ~ cluster.NAME
}

data "vm" "router" {
  name = "router"
}

locals {
  typo = data.vm.router.coers                 # error: no attribute `coers` ~ did you mean `cores`?
}
