cluster "lab" {
  simulator {}
}

template "debian" {
  nodes        = ["pve1"]
  disk_storage = "shared"
  disk_size    = "4GiB"

  image {
    url      = "https://images.example/debian-13-new.qcow2"
    checksum = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
    storage  = "shared"
  }
}

vm "a" {
  template = template.debian
}
