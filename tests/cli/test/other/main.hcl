template "debian13" {
  vmid = 9000
}

vm "extra" {
  template = template.debian13
  name     = "extra"
}
