# meanwhile: POST /nodes/pve1/qemu vmid=120 name=old cores=2 memory=2048 net0=virtio=BC:24:11:00:00:01,bridge=vmbr0 scsi0=local-lvm:8 scsihw=virtio-scsi-single ostype=l26 description=by~hand tags=legacy

cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

vm "old" {
  description = "by hand"
  tags        = ["legacy"]
  cores       = 4
  memory      = "2GiB"
  power       = "stopped"

  disk "scsi0" {
    size    = "8GiB"
    storage = "local-lvm"
  }
  network "net0" {
    bridge = "vmbr0"
  }
}

import {
  to = vm.old
  id = "120"
}
