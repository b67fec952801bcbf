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
    size    = "6GiB"
    storage = "local-lvm"
    ssd     = true
  }
  network "net0" {
    bridge = "vmbr0"
  }
}

vm "leaves" {
  template = template.debian13
  node     = "pve2"
  power    = "stopped"

  disk "scsi1" {
    size    = "4GiB"
    storage = "shared"
  }
  network "net0" {
    bridge = "vmbr0"
  }
}
