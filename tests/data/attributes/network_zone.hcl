#! type: each type has attributes of its own, in a file of its own
#! active: the apply sees to it; told in tests/stacks/sdn-cut-off
#! controller: the simulator has no controllers
#! vrf_vxlan: of evpn, which needs a controller
#! exitnodes: of evpn, which needs a controller
#! exitnodes_primary: of evpn, which needs a controller
#! exitnodes_local_routing: of evpn, which needs a controller
#! advertise_subnets: of evpn, which needs a controller
#! disable_arp_nd_suppression: of evpn, which needs a controller
#! rt_import: of evpn, which needs a controller
#! mac: of evpn, which needs a controller
#! dns: needs a server of names
#! reversedns: needs a server of names
#! dnszone: needs a server of names

cluster "lab" {
  simulator {}
}

network_zone "x" {
  zone  = "games"                            #> "arena" | recreate
  type  = "simple"
  nodes = ["pve1", "pve2"]                   #> ["pve1"] | live  #> gone | live
  mtu   = 1450                               #> 1400 | live  #> gone | live
  ipam  = "pve"                              #> gone | live  #> back | live
  dhcp  = "dnsmasq"                          #> gone | live
}
