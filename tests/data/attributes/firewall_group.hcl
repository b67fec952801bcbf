#! order: it follows from the rules
#! unmanaged_rules: a stranger has to add one, as in tests/stacks/firewall-stranger

cluster "lab" {
  simulator {}
}

ip_set "partners" {
  name      = "partners"
  addresses = ["192.0.2.0/24"]
}

firewall_group "x" {
  group     = "game"                       #> "play" | recreate
  comment   = "what players need"          #> "a=b; ä" | live  #> gone | live
  exclusive = true                         #> false | live  #> gone | live

  rule "status" {                          #> gone | live | order, rule["status"]  #> back | live | order, rule["status"]
    type    = "in"                         #> "out" | live  #> gone | live
    action  = "ACCEPT"                     #> "DROP" | live
    enable  = true                         #> false | live  #> gone | live
    proto   = "tcp"                        #> "udp" | live
    dport   = "25565"                      #> "25565:25570" | live  #> gone | live
    sport   = "1024:65535"                 #> gone | live
    source  = "192.0.2.0/24"               #> "+dc/partners" | live  #> gone | live
    dest    = "198.51.100.7"               #> gone | live
    iface   = "net0"                       #> "net1" | live  #> gone | live
    log     = "info"                       #> "nolog" | live  #> gone | live
    comment = "for launchers"              #> "a=b: ä" | live  #> gone | live
  }

  rule "ping" {
    action    = "ACCEPT"
    proto     = "icmp"
    icmp_type = "echo-request"             #> gone | live
  }

  rule "remote" {                          #> gone | live | order, rule["remote"]  #> back | live | order, rule["remote"]
    action = "ACCEPT"
    macro  = "SSH"                         #> "HTTPS" | live  #> gone | live
  }
}
