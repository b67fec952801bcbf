cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "mc" {
  template = template.debian13
  memory   = "4GiB"

  network "net0" {
    bridge = "vmbr1"
  }
}
