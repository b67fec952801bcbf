cluster "lab" {
  simulator {}
}

template "debian" {
  nodes        = ["pve2"]
  disk_storage = "local-lvm"
  disk_size    = "4GiB"
  memory       = "2GiB"
  vmids        = { pve2 = 7002 }

  image {
    url      = "https://images.example/debian-13-new.qcow2"
    checksum = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
    storage  = "local"
  }
}

vm "b" {
  template = template.debian
  node     = "pve2"

  disk "scsi0" {
    size = "8GiB"
  }
}
