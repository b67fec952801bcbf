cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

tenant "host-bits" {
  network {
    bridge = "vmbr1"
    vlan   = 40
    cidr   = "10.40.0.5/24"
  }
}

tenant "gateway" {
  network {
    bridge  = "vmbr1"
    vlan    = 41
    cidr    = "10.41.0.0/24"
    gateway = "10.42.0.1"
    dns     = ["10.41.0.1", "dns.lan"]
  }
}

tenant "vlan" {
  network {
    bridge = "vmbr1"
    vlan   = 5000
    cidr   = "10.43.0.0"
  }
}

tenant "words" {
  network {
    bridge = "vmbr1"
    vlan   = "forty"
    cidr   = 10
  }
}

vm "address" {
  tenant   = tenant.host-bits
  template = template.debian13

  network "net0" {
    address = "10.40.0.300/24"
  }
}
