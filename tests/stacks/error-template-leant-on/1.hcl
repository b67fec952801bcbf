cluster "lab" {
  simulator {}
}

template "debian" {
  nodes        = ["pve1"]
  disk_storage = "shared"
  disk_size    = "4GiB"

  image {
    url      = "https://images.example/debian-13.qcow2"
    checksum = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
    storage  = "shared"
  }
}

vm "a" {
  template = template.debian
}
