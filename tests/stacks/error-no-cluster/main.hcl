template "debian13" {
  vmid = 9000
}

vm "mc" {
  template = template.debian13
}
