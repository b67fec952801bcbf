cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "stays" {
  template = template.debian13
  node     = "pve1"

  disk "scsi0" {
    size    = "4GiB"
    storage = "shared"
    ssd     = false
  }
  network "net0" {
    bridge = "vmbr0"
  }
}

vm "leaves" {
  template = template.debian13
  node     = "pve1"
  power    = "stopped"

  disk "scsi1" {
    size    = "4GiB"
    storage = "local-lvm"
  }
  network "net0" {
    bridge = "vmbr0"
  }
}
