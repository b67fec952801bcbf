cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

removed {
  from = vm.a
  lifecycle {
    destroy = false
  }
}

removed {
  from = vm.b
}
