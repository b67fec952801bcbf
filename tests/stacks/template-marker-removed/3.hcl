cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}
