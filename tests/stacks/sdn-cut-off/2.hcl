# meanwhile: PUT /cluster/sdn/zones/games mtu=1400
cluster "lab" {
  simulator {}
}

network_zone "games" {
  zone = "games"
  type = "simple"
}
