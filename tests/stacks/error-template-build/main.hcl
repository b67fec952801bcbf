cluster "lab" {
  simulator {}
}

template "nothing" {
}

template "adopted" {
  vmid  = 9000
  cores = 4
}

template "nowhere" {
  disk_storage = "local-lvm"
  image {
    url     = "https://images.example/debian-13.qcow2"
    storage = "local"
  }
}

template "strange" {
  nodes        = ["pve9"]
  disk_storage = "local-lvm"
  image {
    url     = "https://images.example/debian-13.qcow2"
    storage = "local"
  }
}

template "diskless" {
  nodes = ["pve1"]
  image {
    url     = "https://images.example/debian-13.qcow2"
    storage = "local"
  }
}

template "iso" {
  nodes        = ["pve1"]
  disk_storage = "local"
  image {
    url     = "https://images.example/debian-13.qcow2"
    storage = "local-lvm"
  }
}

template "packed" {
  nodes        = ["pve1"]
  disk_storage = "local-lvm"
  image {
    url     = "https://images.example/debian-13.raw.xz"
    storage = "local"
  }
}

template "checked" {
  nodes        = ["pve1"]
  disk_storage = "local-lvm"
  image {
    url      = "https://images.example/debian-13.qcow2"
    checksum = "sha256:77"
    storage  = "local"
  }
}

storage_file "local" {
  node         = "pve1"
  storage      = "local"
  content_type = "import"
  url          = "https://images.example/debian-13-new.qcow2"
}

template "remote" {
  nodes        = ["pve1", "pve2"]
  disk_storage = "local-lvm"
  image {
    file = storage_file.local
  }
}

template "taken" {
  vmid         = 9000
  nodes        = ["pve1"]
  disk_storage = "local-lvm"
  image {
    file = storage_file.local
  }
}

template "fine" {
  nodes        = ["pve1"]
  disk_storage = "local-lvm"
  image {
    file = storage_file.local
  }
}

vm "elsewhere" {
  template = template.fine
  node     = "pve2"
}

vm "sizeless" {
  template = template.fine
  disk "scsi0" {
    ssd = true
  }
}
