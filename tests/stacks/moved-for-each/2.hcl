cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "mc" {
  for_each = toset(["lobby"])
  name     = "mc"
  memory   = "4GiB"
  template = template.debian13
}

moved {
  from = vm.mc
  to   = vm.mc["lobby"]
}

moved {
  from = vm.other
  to   = vm.gone
}
