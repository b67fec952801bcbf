cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

tenant "zeta" {
  network {
    bridge  = "vmbr1"
    vlan    = 40
    cidr    = "10.40.0.0/24"
    gateway = "10.40.0.1"
  }
}

vm "new" {
  tenant   = tenant.zeta
  name     = "old"
  template = template.debian13
}

moved {
  from = vm.old
  to   = vm.mid
}

moved {
  from = vm.mid
  to   = vm.new
}

moved {
  from = tenant.acme
  to   = tenant.zeta
}
