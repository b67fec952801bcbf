cluster "lab" {
  simulator {}
}

template "x" {
  vmid = 9000
}
