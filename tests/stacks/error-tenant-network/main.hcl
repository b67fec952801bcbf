cluster "lab" {
  simulator {}
}

tenant "both" {
  network {
    zone   = "games"
    bridge = "vmbr1"
    cidr   = "10.50.0.0/24"
  }
}

tenant "nowhere" {
  network {
    cidr = "10.51.0.0/24"
  }
}

tenant "tagged" {
  network {
    bridge = "vmbr1"
    tag    = 7
    cidr   = "10.52.0.0/24"
  }
}

tenant "vlan" {
  network {
    zone = "games"
    vlan = 7
    cidr = "10.53.0.0/24"
  }
}
