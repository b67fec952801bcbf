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

  disk "scsi0" {                               # related: the first one
    size = "40GiB"
  }
  disk "scsi0" {                               # error: `disk "scsi0"` is there twice
    size = "50GiB"
  }
  cloud_init {                                 # related: the first one
    user = "a"
  }
  cloud_init {                                 # error: more than one `cloud_init` block
    user = "b"
  }
  network "net0" "net1" {                      # error: `network` has 2 labels ~ expected one label, the slot, e.g. net0: `network "..." { ... }`
  }
  cloud_init "x" {                             # error: more than one `cloud_init` block
  }
}

vm "one" {
  name     = "same"                            # related: the first one
  template = template.debian13
}

vm "two" {
  name     = "same"                            # error: two guests are named `same`: vm.one and vm.two
  template = template.debian13
}

vm "many" {
  count    = 2
  name     = "alike"                           # error: two guests are named `alike`: vm.many[0] and vm.many[1]
  template = template.debian13
}
