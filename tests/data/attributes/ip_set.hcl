cluster "lab" {
  simulator {}
}

ip_set "x" {
  name      = "partners"                           #> "friends" | recreate
  comment   = "who may come in"                    #> "a=b; ä" | live  #> gone | live
  addresses = ["192.0.2.0/24", "!192.0.2.66"]      #> ["192.0.2.66", "2001:db8::/32"] | live  #> [] | live  #> back | live
}
