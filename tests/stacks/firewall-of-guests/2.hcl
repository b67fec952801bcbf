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

  firewall {
    allow "ssh" {
      proto  = "tcp"
      port   = 22
      source = "10.0.0.0/8"
    }
  }
}

vm "mc" {
  tenant   = tenant.acme
  template = template.debian13
  memory   = "4GiB"

  network "net0" {
    firewall = true
  }
}
