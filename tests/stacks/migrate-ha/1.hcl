cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "mc" {
  template = template.debian13
  node     = "pve1"

  network "net0" {
    bridge = "vmbr0"
  }
}

ha_resource "mc" {
  sid = "vm:${vm.mc.vmid}"
}

snapshot "first" {
  vm   = vm.mc
  name = "first"
}
