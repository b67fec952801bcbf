template "bare" {
  vmid = 9000
}

template "hollow" {
  vmid = 9001
}

template "guest" {
  vmid = 9002
}

template "none" {
  vmid = 9009
}

vm "one" {
  template = template.bare

  disk "scsi0" {
    storage = "local"
    size    = "10GiB"
  }
  disk "scsi1" {
    storage = "fast"
    size    = "10GiB"
  }
  disk "scsi2" {
    storage = "full"
    size    = "10GiB"
  }
  network "net0" {
    bridge = "vmbr0"
  }
  network "net1" {
    bridge = "vmbr9"
  }
}
