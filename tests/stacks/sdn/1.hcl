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

vnet "arena" {
  vnet = "arena"
  zone = network_zone.games.zone
}

vm "mc" {
  template = template.debian13
  memory   = "4GiB"

  network "net0" {
    bridge = vnet.arena.vnet
  }
}
