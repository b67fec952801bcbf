cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "bpg" {
  template  = template.debian13
  node_name = "pve1"
  vm_id     = 100
  on_boot   = true
  started   = true

  cpu {
    cores = 2
    type  = "host"
  }
  memory {
    dedicated = 2048
  }
  network_device {
    bridge = "vmbr0"
  }
  disk "scsi0" {
    datastore_id = "local-lvm"
    interface    = "scsi0"
    size         = 20
  }
  initialization {
  }
  clone {
    vm_id = 9000
  }
  provisioner "local-exec" {
    command = "hostname"
  }
}

vm "telmate" {
  target_node = "pve1"
  desc        = "game host"
  memory      = 2048
  ciuser      = "game"
  ipconfig0   = "ip=dhcp"
  full_clone  = true

  disks {
  }
  network {
    bridge = "vmbr0"
  }
}
