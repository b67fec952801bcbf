# The cluster as every section of the recording found it: one node, two folders as storages, one template. What a section had
# before its first line beyond this is in its `.setup` file.
cluster = "recording"

node "pve1" {
  cores      = 2
  memory_gib = 24
}

storage "local" {
  type     = "dir"
  content  = ["images", "rootdir", "iso", "vztmpl", "snippets", "backup", "import"]
  size_gib = 252
  used_gib = 25
  options  = { path = "/var/lib/vz", prune-backups = "keep-all=1" }
}

storage "second" {
  type     = "dir"
  content  = ["images", "iso"]
  size_gib = 252
  used_gib = 25
  options  = { path = "/var/lib/pve-second" }
}

bridge "vmbr0" {
  dhcp = "10.99.0.0/24"
}

guest "tiny-cloud" {
  vmid     = 9000
  template = true
  image    = "tiny"
  storage  = "local"
  config = {
    agent   = "enabled=1"
    boot    = "order=scsi0"
    cores   = "1"
    ide2    = "local:cloudinit"
    memory  = "256"
    net0    = "virtio,bridge=vmbr0"
    ostype  = "l26"
    scsihw  = "virtio-scsi-single"
    serial0 = "socket"
    tags    = "template;tiny"
    vga     = "serial0"
  }
}

user "root@pam" {
  password = "dummy-password"
  tokens   = { tf = "root-secret" }
}

user "lim@pve" {
  password = "dummy-password"
}

user "priv@pve" {
  password = "dummy-password"
}
