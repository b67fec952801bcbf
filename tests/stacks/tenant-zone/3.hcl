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
