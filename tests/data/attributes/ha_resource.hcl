cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "mc" {
  template = template.debian13
  power    = "ignore"
}

vm "other" {
  template = template.debian13
  power    = "ignore"
}

ha_resource "x" {
  sid          = "vm:${vm.mc.vmid}"          #> "vm:${vm.other.vmid}" | recreate
  state        = "ignored"                   #> "disabled" | live  #> "ignored" | live
  max_restart  = 2                           #> 3 | live  #> gone | live
  max_relocate = 2                           #> 3 | live  #> gone | live
  failback     = true                        #> false | live  #> gone | live
  comment      = "keeps it up"               #> "a=b; ä" | live  #> gone | live
}
