cluster "lab" {
  simulator {}
}

backup_job "x" {
  id       = "some"
  schedule = "03:30"
  vmid     = [100, 1000, 99999]              #> [100, 101] | live
}
