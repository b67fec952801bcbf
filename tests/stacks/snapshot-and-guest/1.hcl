cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "mc" {
  template = template.debian13
  cores    = 2

  network "net0" {
    bridge = "vmbr0"
  }
}

snapshot "one" {
  vm   = vm.mc
  name = "one"
}

snapshot "two" {
  vm         = vm.mc
  name       = "two"
  depends_on = [snapshot.one]
}

snapshot "three" {
  vm         = vm.mc
  name       = "three"
  depends_on = [snapshot.two]
}
