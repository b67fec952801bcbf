# meanwhile: POST /nodes/pve1/lxc vmid=121 hostname=old ostemplate=shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst rootfs=local-lvm:8 memory=512 cores=1 description=by~hand

cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

container "old" {
  name        = "old"
  ostemplate  = "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst"
  description = "by hand"
  memory      = "1GiB"
  cores       = 1
  power       = "stopped"

  rootfs {
    storage = "local-lvm"
    size    = "8GiB"
  }
}

import {
  to = container.old
  id = "121"
}
