#= 8.4
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

ha_group "west" {
  group = "west"
  nodes = ["pve1"]
}

ha_group "east" {
  group = "east"
  nodes = ["pve2"]
}

ha_resource "x" {
  sid   = "vm:${vm.mc.vmid}"
  state = "ignored"
  group = ha_group.west.group             #> ha_group.east.group | live  #> gone | live
}
