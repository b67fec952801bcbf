cluster "lab" {
  simulator {}
}

cluster "home" {
  simulator {}
}

template "debian13" {
  cluster = cluster.lab
  vmid    = 9000
}

vm "mc" {
  template = template.debian13
}

template "other" {
  vmid = 9000
}
