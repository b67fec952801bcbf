cluster "lab" {
  simulator {}
}

storage_file "debian" {
  node         = "pve3"
  storage      = "shared"
  content_type = "import"
  url          = "https://images.example/debian-13.qcow2"
}

template "debian" {
  nodes        = ["pve1"]
  disk_storage = "shared"

  image {
    file = storage_file.debian
  }
}

vm "a" {
  template = template.debian
  node     = "pve2"
}
