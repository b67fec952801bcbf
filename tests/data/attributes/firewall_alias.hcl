cluster "lab" {
  simulator {}
}

firewall_alias "x" {
  name    = "office"                        #> "home" | recreate
  cidr    = "198.51.100.0/24"               #> "198.51.100.7" | live  #> "2001:db8::/32" | live
  comment = "upstairs"                      #> "a=b; ä" | live  #> gone | live
}
