#= 9.2
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
  rule      = "together"
  type      = "resource-affinity"
  resources = [ha_resource.mc.sid, ha_resource.other.sid]
  affinity  = "positive"                     #> "negative" | live
}
