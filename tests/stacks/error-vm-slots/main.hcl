cluster "lab" {
  simulator {}
}

vm "mc" {
  clone = "full"
  extra = { cores = "2", meta = "x", unheard_of = "1" }

  disk "scsi31" {
    size = "4GiB"
  }
  disk "ide2" {
    size    = "4GiB"
    storage = "shared"
    queues  = 4
  }
  cdrom "ide2" {
    file = "none"
  }
  cdrom "virtio0" {
    file = "none"
  }
  serial "serial4" {
    device = "socket"
  }
  network "eth0" {
    bridge = "vmbr0"
  }
}
