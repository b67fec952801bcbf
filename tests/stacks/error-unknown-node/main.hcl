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

vm "a" {
  tenant   = tenant.acme
  template = template.debian13
  node     = "pve-1"
}

vm "b" {
  tenant   = tenant.acme
  template = template.debian13
  placement {
    nodes = ["pve1", "pve5"]
  }
}

vm "c" {
  tenant   = tenant.acme
  template = template.debian13
  disk "scsi1" {
    size    = "10GiB"
    storage = "shard"
  }

  network "net0" {
    bridge  = "vmbr7"
    address = "dhcp"
  }
}
