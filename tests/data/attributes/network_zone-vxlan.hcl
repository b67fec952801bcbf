cluster "lab" {
  simulator {}
}

network_zone "x" {
  zone       = "far"
  type       = "vxlan"
  peers      = ["10.99.0.1", "10.99.0.2"]    #> ["10.99.0.1"] | live
  vxlan_port = 4790                          #> 4791 | live  #> gone | live
}
