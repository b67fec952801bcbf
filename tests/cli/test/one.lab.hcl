cluster = "one"

node "only" {
  cores      = 8
  memory_gib = 32
}

storage "local" {
  type     = "dir"
  content  = ["images", "import"]
  size_gib = 100
}

guest "small" {
  vmid     = 100
  node     = "only"
  template = true
  image    = "debian-13"
  storage  = "local"
  disk_gib = 3
  connect  = "127.0.0.1:1"
  config = {
    scsihw = "virtio-scsi-pci"
  }
}
