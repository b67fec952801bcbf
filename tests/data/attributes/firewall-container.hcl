cluster "lab" {
  simulator {}
}

container "dns" {
  ostemplate = "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst"

  rootfs {
    storage = "local-lvm"
  }
  network "net0" {
    bridge   = "vmbr0"
    address  = "dhcp"
    firewall = true
  }
}

firewall "x" {
  container     = container.dns
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
