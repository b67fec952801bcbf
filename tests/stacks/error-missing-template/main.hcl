cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9001
}

vm "a" {
  template = template.debian13
}

vm "b" {
  template = template.debian12
}

vm "c" {
  memory = "4GiB"
}
