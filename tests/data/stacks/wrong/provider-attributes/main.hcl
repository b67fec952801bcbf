cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "bpg" {
  template  = template.debian13
  node_name = "pve1"                           # error: unknown attribute `node_name` ~ here it is `node = "pve1"`
  vm_id     = 100                              # error: unknown attribute `vm_id` ~ here it is `vmid`
  on_boot   = true                             # error: unknown attribute `on_boot` ~ here it is `onboot`
  started   = true                             # error: unknown attribute `started` ~ here it is `power = "running"`

  cpu {
    cores = 2                                  # error: unknown attribute `cores` ~ here it is an attribute of the machine itself: `cores = 2` outside of this block
    type  = "host"                             # error: unknown attribute `type` ~ here it is `cputype = "host"`
  }
  memory {                                     # error: unknown block `memory`
    dedicated = 2048
  }
  network_device {                             # error: unknown block `network_device` ~ here it is `network "net0" { ... }`
    bridge = "vmbr0"
  }
  disk "scsi0" {
    datastore_id = "local-lvm"                 # error: unknown attribute `datastore_id` ~ here it is `storage = "local-lvm"`
    interface    = "scsi0"                     # error: unknown attribute `interface` ~ here it is the label of the block: `disk "scsi0" { ... }`
    size         = 20                          # error: wrong value for `size`: the size `20` has no unit, write `20MiB` or `20GiB`
  }
  initialization {                             # error: unknown block `initialization` ~ here it is `cloud_init { ... }`
  }
  clone {                                      # error: unknown block `clone`
    vm_id = 9000
  }
  provisioner "local-exec" {                   # error: unknown block `provisioner` ~ here it is `cloud_init { ... }` for the first start, and a `game_server` with its playbook
    command = "hostname"
  }
}

vm "telmate" {
  target_node = "pve1"                         # error: unknown attribute `target_node` ~ here it is `node = "pve1"`
  desc        = "game host"                    # error: unknown attribute `desc` ~ here it is `description`
  memory      = 2048                           # error: wrong value for `memory`: the size `2048` has no unit, write `2048MiB` or `2048GiB`
  ciuser      = "game"                         # error: unknown attribute `ciuser` ~ here it is `user` in the block `cloud_init { ... }`
  ipconfig0   = "ip=dhcp"                      # error: unknown attribute `ipconfig0` ~ here it is `address` in the block `network "net0" { ... }`
  full_clone  = true                           # error: unknown attribute `full_clone` ~ here it is `clone = "full"`

  disks {                                      # error: unknown block `disks` ~ here it is `disk "scsi0" { ... }`, one block for each
  }
  network {                                    # error: `network` has no label ~ expected one label, the slot, e.g. net0: `network "..." { ... }`
    bridge = "vmbr0"
  }
}
