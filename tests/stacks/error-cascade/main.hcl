cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

tenant "acme" {
  network {
    bridge  = "vmbr1"
    vlan    = 40
    cidr    = "10.40.0.0/99"
    gateway = "10.40.0.1"
  }
}

# Only the tenant is wrong: nobody complains that its guests have no bridge and no network.
vm "a" {
  tenant   = tenant.acme
  template = template.debian13

  network "net0" {
    address = "auto"
  }
}

# This one has a mistake of its own, which is told beside it.
vm "b" {
  tenant   = tenant.acme
  template = template.debian13
  coress   = 2

  network "net0" {}
}

snapshot "a" {
  vm   = vm.a
  name = "before"
}
