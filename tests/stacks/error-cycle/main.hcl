cluster "lab" {
  vmid_range = [5000, 5999]

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
  description = vm.c.name
}

vm "c" {
  template    = template.debian13
  description = vm.a.name
}
