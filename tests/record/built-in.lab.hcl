# A cluster as it was recorded by `spawnpoint sim record`. Start it with `spawnpoint sim serve -lab FILE`, or name it in a cluster block:
# `simulator { lab = "FILE" }`. Passwords, keys, tokens and notes are not in it. A bridge with `dhcp = "NETWORK"` hands out addresses.
cluster = "lab"
version = "9.2"
options = {
  mac_prefix = "BC:24:11"
}

node "pve1" {
  cores      = 32
  memory_gib = 128
}

node "pve2" {
  cores      = 32
  memory_gib = 128
}

node "pve3" {
  cores      = 32
  memory_gib = 128
}

storage "local" {
  type     = "dir"
  content  = ["backup", "import", "iso", "snippets", "vztmpl"]
  size_gib = 100
  used_gib = 4
  options = {
    path = "/var/lib/vz"
  }
}

storage "local-lvm" {
  type     = "lvmthin"
  content  = ["images", "rootdir"]
  size_gib = 1800
  options = {
    thinpool = "data"
    vgname   = "pve"
  }
}

storage "shared" {
  type     = "nfs"
  content  = ["backup", "images", "import", "iso", "rootdir", "snippets", "vztmpl"]
  size_gib = 8000
  used_gib = 40
  shared   = true
  options = {
    export = "/srv/shared"
    path   = "/mnt/pve/shared"
    server = "10.90.0.2"
  }
}

bridge "vmbr0" {}

bridge "vmbr1" {
  vlan_aware = true
}

guest "debian-13" {
  vmid     = 9000
  node     = "pve1"
  template = true
  image    = "linux"
  config = {
    agent   = "enabled=1"
    boot    = "order=scsi0"
    cores   = "2"
    cpu     = "x86-64-v2-AES"
    ide2    = "shared:cloudinit"
    memory  = "2048"
    net0    = "virtio=BC:24:11:AF:CD:1D,bridge=vmbr0"
    ostype  = "l26"
    scsi0   = "shared:3,format=qcow2"
    scsihw  = "virtio-scsi-single"
    serial0 = "socket"
    tags    = "debian;template"
    vga     = "serial0"
  }
}

file "local:iso/debian-13.1.0-amd64-netinst.iso" {
  file_bytes = 821035008
}

file "shared:import/debian-13-genericcloud-amd64.qcow2" {
  size_mib   = 3072
  file_bytes = 3221225472
  image      = "linux"
}

file "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst" {
  file_bytes = 65011712
}

user "kim@pve" {
  roles = {
    "/" = "PVEAuditor"
  }
}
