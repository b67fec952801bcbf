# Two nodes, and what their downloads find.
cluster = "lab"

node "pve1" {
  cores      = 16
  memory_gib = 64
}

node "pve2" {
  cores      = 16
  memory_gib = 64
}

storage "local" {
  type     = "dir"
  content  = ["iso", "vztmpl", "import"]
  size_gib = 100
  options  = { path = "/var/lib/vz" }
}

storage "local-lvm" {
  type     = "lvmthin"
  content  = ["images", "rootdir"]
  size_gib = 800
  options  = { vgname = "pve", thinpool = "data" }
}

storage "shared" {
  type     = "nfs"
  content  = ["images", "import"]
  size_gib = 4000
  shared   = true
  options  = { path = "/mnt/pve/shared", server = "10.90.0.2", export = "/srv/shared" }
}

bridge "vmbr0" {
  dhcp = "10.90.0.0/16"
}

url "https://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2" {
  size_bytes = 340000000
  disk_mib   = 3072
  image      = "debian-13"
}

url "https://cloud-images.ubuntu.com/noble/current/noble-server-cloudimg-amd64.img" {
  size_bytes = 610000000
  disk_mib   = 3584
  image      = "ubuntu-24.04"
}

url "http://download.proxmox.com/images/system/alpine-3.22-default_20250617_amd64.tar.xz" {
  size_bytes = 3200000
}
