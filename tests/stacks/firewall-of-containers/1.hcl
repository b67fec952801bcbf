cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

tenant "acme" {
  network {
    bridge  = "vmbr1"
    vlan    = 40
    cidr    = "10.40.0.0/24"
    gateway = "10.40.0.1"
  }
  firewall {
    allow "dns" {
      proto = "udp"
      port  = "53"
    }
  }
}

container "dns" {
  tenant     = tenant.acme
  ostemplate = "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst"

  rootfs {
    storage = "local-lvm"
  }
  network "net0" {
    firewall = true
  }
}
