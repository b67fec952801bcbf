cluster "lab" {
  simulator {}
}

network_zone "x" {
  zone          = "outer"
  type          = "qinq"
  bridge        = "vmbr0"                    #> "vmbr1" | live
  tag           = 100                        #> 101 | live
  vlan_protocol = "802.1ad"                  #> "802.1q" | live  #> gone | live
}
