cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

tenant "acme" {
}

vm "mc" {
  tenant      = tenant.acme
  template    = template.debian13
  node        = "pve2"
  tags        = ["web"]
  description = "Ours."
  memory      = "3GiB"
  network "net0" {
    bridge  = "vmbr1"
    address = "10.66.0.9/24"
  }
}
