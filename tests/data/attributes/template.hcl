#! vmid: it names the template that is adopted

cluster "lab" {
  simulator {}
}

template "x" {
  vmid = 9000
}
