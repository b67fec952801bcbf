cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian" {
  nodes        = ["pve1"]
  disk_storage = "local-lvm"

  image {
    url     = "https://images.example/debian-13.qcow2"
    storage = "local"
  }
}
