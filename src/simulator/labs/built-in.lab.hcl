# The lab that runs when nobody names another one: three nodes, three storages, two bridges, one template.
cluster = "lab"

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
  content  = ["iso", "vztmpl", "snippets", "backup", "import"]
  size_gib = 100
  used_gib = 4
  options  = { path = "/var/lib/vz" }
}

storage "local-lvm" {
  type     = "lvmthin"
  content  = ["images", "rootdir"]
  size_gib = 1800
  options  = { vgname = "pve", thinpool = "data" }
}

storage "shared" {
  type     = "nfs"
  content  = ["images", "rootdir", "iso", "vztmpl", "snippets", "backup", "import"]
  size_gib = 8000
  used_gib = 40
  shared   = true
  options  = { path = "/mnt/pve/shared", server = "10.90.0.2", export = "/srv/shared" }
}

bridge "vmbr0" {
  dhcp = "10.90.0.0/16"
}

bridge "vmbr1" {
  vlan_aware = true
  dhcp       = "10.91.0.0/16"
}

guest "debian-13" {
  vmid     = 9000
  node     = "pve1"
  template = true
  image    = "debian-13"
  storage  = "shared"
  disk_gib = 3
  config = {
    agent    = "enabled=1"
    boot     = "order=scsi0"
    cores    = "2"
    cpu      = "x86-64-v2-AES"
    ide2     = "shared:cloudinit"
    memory   = "2048"
    net0     = "virtio,bridge=vmbr0"
    ostype   = "l26"
    scsihw   = "virtio-scsi-single"
    serial0  = "socket"
    tags     = "debian;template"
    vga      = "serial0"
  }
}

file "local:iso/debian-13.1.0-amd64-netinst.iso" {
  size_mib = 783
}

file "shared:import/debian-13-genericcloud-amd64.qcow2" {
  size_mib = 3072
  image    = "debian-13"
}

file "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst" {
  size_mib = 62
}

user "root@pam" {
  password = "simulator"
}

user "kim@pve" {
  password = "simulator"
  roles    = { "/" = "PVEAuditor" }
}
