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
  memory     = "1GiB"
  tty        = 4

  rootfs {
    storage = "local-lvm"
    size    = "10GiB"
  }
  mount "mp0" {
    storage = "shared"
    size    = "2GiB"
    mp      = "/srv"
  }
  network "net0" {
    address = "auto"
  }
}
