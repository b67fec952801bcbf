# Three nodes and two file storages, as on the server the facts were recorded from.
cluster = "facts"

node "pve1" {
  cores      = 8
  memory_gib = 64
}

node "pve2" {
  cores      = 8
  memory_gib = 64
}

node "pve3" {
  cores      = 8
  memory_gib = 64
  status     = "offline"
}

storage "local" {
  type     = "dir"
  content  = ["images", "rootdir", "iso", "vztmpl", "snippets", "backup", "import"]
  size_gib = 200
  options  = { path = "/var/lib/vz" }
}

storage "second" {
  type     = "dir"
  content  = ["images", "iso"]
  size_gib = 200
  options  = { path = "/var/lib/pve-second" }
}

storage "thin" {
  type     = "lvmthin"
  content  = ["images", "rootdir"]
  size_gib = 200
}

storage "shared" {
  type     = "nfs"
  content  = ["images"]
  size_gib = 200
  shared   = true
  options  = { path = "/mnt/pve/shared" }
}

storage "full" {
  type     = "dir"
  content  = ["images"]
  size_gib = 100
  used_gib = 100
}

bridge "vmbr0" {
  dhcp = "10.90.0.0/16"
}

guest "tiny" {
  vmid     = 9000
  template = true
  image    = "debian-13"
  storage  = "local"
  disk_gib = 1
  config = {
    agent   = "enabled=1"
    boot    = "order=scsi0"
    cores   = "1"
    ide2    = "local:cloudinit"
    memory  = "256"
    net0    = "virtio,bridge=vmbr0"
    onboot  = "1"
    scsihw  = "virtio-scsi-single"
    tags    = "template;tiny"
  }
}

guest "tiny-shared" {
  vmid     = 9001
  template = true
  image    = "debian-13"
  storage  = "shared"
  disk_gib = 1
  config   = { net0 = "virtio,bridge=vmbr0" }
}

guest "tiny-thin" {
  vmid     = 9002
  template = true
  image    = "debian-13"
  storage  = "thin"
  disk_gib = 1
}

guest "t1" {
  vmid     = 100
  storage  = "local"
  disk_gib = 1
  config   = { memory = "256", boot = "order=scsi0" }
}

pool "p1" {}

file "local:iso/t.iso" {
  size_mib = 1
}

file "local:import/tiny.qcow2" {
  size_mib = 64
  image    = "debian-13"
}

file "local:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst" {
  size_mib = 62
}

user "lim@pve" {
  tokens = { lim = "lim-secret" }
}

user "priv@pve" {
  password = "priv-password"
  tokens   = { pv = "priv-secret" }
}
