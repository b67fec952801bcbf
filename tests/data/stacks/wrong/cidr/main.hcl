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
    cidr   = "10.40.0.5/24"                    # error: wrong value for `cidr`: `10.40.0.5/24` is an address in a network, the network is `10.40.0.0/24`
  }
}

tenant "gateway" {
  network {
    bridge  = "vmbr1"
    vlan    = 41
    cidr    = "10.41.0.0/24"
    gateway = "10.42.0.1"
    dns     = ["10.41.0.1", "dns.lan"]         # error: wrong value for `dns[1]`: `dns.lan` is not an IP address
  }
}

tenant "vlan" {
  network {
    bridge = "vmbr1"
    vlan   = 5000                              # error: wrong value for `vlan`: 5000 is out of range, expected 1 to 4094
    cidr   = "10.43.0.0"                       # error: wrong value for `cidr`: `10.43.0.0` is not a network, expected e.g. `10.40.0.0/24`
  }
}

tenant "words" {
  network {
    bridge = "vmbr1"
    vlan   = "forty"                           # error: wrong value for `vlan`: a number is required, found "forty"
    cidr   = 10                                # error: wrong value for `cidr`: `10` is not a network, expected e.g. `10.40.0.0/24`
  }
}

tenant "fine" {
  network {
    bridge = "vmbr1"
    vlan   = 44
    cidr   = "10.44.0.0/24"
  }
}

vm "address" {
  tenant   = tenant.fine
  template = template.debian13

  network "net0" {
    address = "10.40.0.300/24"                 # error: `10.40.0.300/24` is not an address with prefix ~ write `auto`, `dhcp` or for example `10.40.0.9/24`
  }
}
