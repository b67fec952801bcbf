#! active: the apply sees to it; told in tests/stacks/sdn-cut-off

cluster "lab" {
  simulator {}
}

network_zone "near" {
  zone   = "near"
  type   = "vlan"
  bridge = "vmbr0"
}

network_zone "far" {
  zone   = "far"
  type   = "vlan"
  bridge = "vmbr1"
}

vnet "x" {
  vnet          = "arena"                    #> "lobby" | recreate
  zone          = network_zone.near.zone     #> network_zone.far.zone | live
  alias         = "players"                  #> "players (new)" | live  #> gone | live
  tag           = 100                        #> 101 | live
  vlanaware     = false                      #> true | live  #> gone | live
  isolate_ports = true                       #> false | live  #> back | live  #> gone | live
}
