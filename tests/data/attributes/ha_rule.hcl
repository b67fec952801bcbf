#= 9.2
#! type: each type has attributes of its own, in a file of its own

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

ha_resource "mc" {
  sid   = "vm:${vm.mc.vmid}"
  state = "ignored"
}

ha_resource "other" {
  sid   = "vm:${vm.other.vmid}"
  state = "ignored"
}

ha_rule "x" {
  rule      = "home"                         #> "homes" | recreate
  type      = "node-affinity"
  resources = [ha_resource.mc.sid]           #> [ha_resource.mc.sid, ha_resource.other.sid] | live
  nodes     = ["pve1:2", "pve2"]             #> ["pve1"] | live
  strict    = true                           #> false | live  #> gone | live
  disable   = false                          #> true | live  #> gone | live
  comment   = "at home"                      #> "a=b; ä" | live  #> gone | live
}
