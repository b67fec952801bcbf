cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "local" {
  vmid = 9001
}

vm "mc" {
  template = template.local
  node     = "pve2"

  network "net0" {
    bridge = "vmbr0"
  }
}
