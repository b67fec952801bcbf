cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "a" {
  template    = template.debian13
  description = vm.b.name
}

vm "b" {
  template    = template.debian13
  description = local.third
}

vm "c" {
  template   = template.debian13
  depends_on = [vm.a]
}

locals {
  third = vm.c.name
}
