cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "a" {
  template = template.debian13
  memory   = 4096
  balloon  = "2 G"
}

vm "b" {
  template = template.debian13
  memory   = "4gb"
  cores    = 0
}

vm "c" {
  template = template.debian13
  memory   = "lots"
  cores    = 2.5
  vmid     = 42
  power    = "runing"
}

vm "d" {
  template = template.debian13
  cores    = -1
  onboot   = "yes"
  ostype   = "linux"

  disk "scsi0" {
    size = "40"
  }
  disk "sda" {
    size = "40GiB"
  }
  timeouts {
    clone = "10 minutes"
  }
}
