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
  memory   = "4GiB"
  template = template.debian13
}
