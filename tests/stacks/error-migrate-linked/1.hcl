# meanwhile: POST /nodes/pve1/qemu vmid=9001 name=local scsi0=local-lvm:4 scsihw=virtio-scsi-single
# meanwhile: POST /nodes/pve1/qemu/9001/template

cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "local" {
  vmid = 9001
}

vm "mc" {
  template = template.local
  node     = "pve1"

  network "net0" {
    bridge = "vmbr0"
  }
}
