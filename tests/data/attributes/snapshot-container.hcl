#! vmid: it follows from the guest

cluster "lab" {
  simulator {}
}

container "a" {
  ostemplate = "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst"
  rootfs {
    storage = "local-lvm"
  }
}

container "b" {
  ostemplate = "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst"
  rootfs {
    storage = "local-lvm"
  }
}

snapshot "x" {
  name        = "first"
  container   = container.a       #> container.b | recreate | container, vmid
  description = "one"             #> "two" | live
}
