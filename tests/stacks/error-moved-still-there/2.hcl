cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "a" {
  template = template.debian13
}
vm "b" {
  template = template.debian13
}

moved {
  from = vm.a
  to   = vm.b
}
