# meanwhile: POST /nodes/pve2/qemu vmid=5000 name=stranger memory=512

cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

tenant "acme" {
  network {
    bridge  = "vmbr1"
    vlan    = 40
    cidr    = "10.40.0.0/24"
    gateway = "10.40.0.1"
  }
}

vm "mc" {
  tenant   = tenant.acme
  template = template.debian13
  vmid     = 5000
}

vm "b" {
  tenant   = tenant.acme
  template = template.debian13
  vmid     = 5001
}

vm "c" {
  tenant   = tenant.acme
  template = template.debian13
  vmid     = 5001
}
