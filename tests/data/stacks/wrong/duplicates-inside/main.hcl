cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

tenant "acme" {
  network {
    bridge = "vmbr1"
    vlan   = 40
    cidr   = "10.40.0.0/24"
  }
}

vm "mc" {
  tenant   = tenant.acme
  template = template.debian13

  disk "scsi0" {
    size = "40GiB"
  }
  disk "scsi0" {
    size = "50GiB"
  }
  cloud_init {
    user = "a"
  }
  cloud_init {
    user = "b"
  }
  network "net0" "net1" {
  }
  cloud_init "x" {
  }
}

vm "one" {
  name     = "same"
  template = template.debian13
}

vm "two" {
  name     = "same"
  template = template.debian13
}

vm "many" {
  count    = 2
  name     = "alike"
  template = template.debian13
}
