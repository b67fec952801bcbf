#! active: the apply sees to it; told in tests/stacks/sdn-cut-off
#! zone: it is its vnet's
#! dnszoneprefix: needs a server of names

cluster "lab" {
  simulator {}
}

network_zone "games" {
  zone = "games"
  type = "simple"
  ipam = "pve"
  dhcp = "dnsmasq"
}

vnet "arena" {
  vnet = "arena"
  zone = network_zone.games.zone
}

vnet "lobby" {
  vnet = "lobby"
  zone = network_zone.games.zone
}

subnet "x" {
  subnet          = "10.50.0.0/24"           #> "10.50.0.0/23" | recreate
  vnet            = vnet.arena.vnet          #> vnet.lobby.vnet | recreate
  zone            = network_zone.games.zone
  gateway         = "10.50.0.1"              #> "10.50.0.2" | live  #> gone | live
  snat            = true                     #> false | live  #> back | live  #> gone | live
  dhcp_range      = ["10.50.0.100-10.50.0.150", "10.50.0.160-10.50.0.170"] #> ["10.50.0.100-10.50.0.200"] | live  #> gone | live
  dhcp_dns_server = "10.50.0.1"              #> "10.50.0.2" | live  #> gone | live
}
