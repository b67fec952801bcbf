cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "mc" {
  template = template.debian13
}

firewall "x" {
  vm            = vm.mc
  enable        = true                     #> false | live  #> gone | live
  policy_in     = "DROP"                   #> "ACCEPT" | live  #> gone | live
  policy_out    = "ACCEPT"                 #> "REJECT" | live  #> gone | live
  log_level_in  = "info"                   #> "nolog" | live  #> gone | live
  log_level_out = "info"                   #> "nolog" | live  #> gone | live
  ndp           = true                     #> false | live  #> gone | live
  dhcp          = true                     #> false | live  #> gone | live
  radv          = true                     #> false | live  #> gone | live
  macfilter     = true                     #> false | live  #> gone | live
  ipfilter      = true                     #> false | live  #> gone | live

  rule "game" {                            #> gone | live | order, rule["game"]  #> back | live | order, rule["game"]
    action = "ACCEPT"
    proto  = "tcp"
    dport  = "25565"
    iface  = "net0"                        #> gone | live
  }

  rule "rest" {
    action = "DROP"
    log    = "info"
  }
}
