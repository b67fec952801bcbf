cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

network_zone "games" {
  zone = "games"
  type = "simple"
}

tenant "acme" {
  network {
    zone    = network_zone.games.zone
    cidr    = "10.50.0.0/24"
    gateway = "10.50.0.1"
    snat    = false
  }
}

vm "mc" {
  tenant   = tenant.acme
  template = template.debian13

  network "net0" {
    address = "auto"
  }
}
