cluster "lab" {
  simulator {}
}

tenant "acme" {
  network {
    bridge = "vmbr1"
    cidr   = "10.40.0.0/24"
  }
}

container "dns" {
  tenant     = tenant.acme
  ostemplate = "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst"
  memory     = "512MiB"

  rootfs {
    storage = "local-lvm"
    size    = "8GiB"
  }
  network "net0" {
    address = "auto"
  }
}
