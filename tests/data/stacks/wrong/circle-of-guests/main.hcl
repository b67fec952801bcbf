cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "a" {                                       # error: blocks depend on each other in a circle: `vm.a` -> `vm.b` -> `vm.c` -> `vm.a`
  template    = template.debian13
  description = vm.b.name
}

vm "b" {                                       # related: depends on `vm.c`
  template    = template.debian13
  description = local.third
}

vm "c" {                                       # related: depends on `vm.a`
  template   = template.debian13
  depends_on = [vm.a]
}

locals {
  third = vm.c.name
}
