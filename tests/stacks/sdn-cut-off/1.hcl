cluster "lab" {
  simulator {}
}

network_zone "games" {
  zone = "games"
  type = "simple"
}
