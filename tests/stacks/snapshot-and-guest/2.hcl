cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "mc" {
  template = template.debian13
  cores    = 4

  network "net0" {
    bridge = "vmbr0"
  }
}

snapshot "three" {
  vm   = vm.mc
  name = "last"
}
