cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "mc" {
  template = template.debian13
  node     = "pve1"

  disk "scsi1" {
    size    = "4GiB"
    storage = "local-lvm"
  }
  network "net0" {
    bridge = "vmbr0"
  }
  firewall {
    enable = true

    rule "game" {
      action = "ACCEPT"
      proto  = "tcp"
      dport  = "25565"
    }
  }
}

