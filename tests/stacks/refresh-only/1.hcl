cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

pool "spare" {
  poolid  = "spare"
  comment = "ours"
}

pool "gone" {
  poolid = "gone"
}

vm "mc" {
  template = template.debian13
  cores    = 2
  tags     = ["web"]
}

output "cores" {
  value = vm.mc.cores
}
