# meanwhile: POST /nodes/pve1/qemu/5000/config cores=8
# meanwhile: PUT /pools poolid=spare comment=theirs
# meanwhile: DELETE /pools poolid=gone
# options: refresh-only

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
  cores    = 4
  tags     = ["web"]
}

output "cores" {
  value = vm.mc.cores
}
