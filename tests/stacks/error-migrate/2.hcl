cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "installs" {
  node = "pve2"

  disk "scsi0" {
    size    = "4GiB"
    storage = "local-lvm"
  }
  cdrom "ide2" {
    file = "local:iso/debian-13.1.0-amd64-netinst.iso"
  }
  network "net0" {
    bridge = "vmbr0"
  }
}
