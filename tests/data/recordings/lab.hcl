# The cluster as every section of the recording found it: one node, two folders as storages, one template. What a section had
# before its first line beyond this is in its `.setup` file.
cluster = "recording"

node "pve1" {
  cores      = 2
  memory_gib = 24
  cards      = { eno1 = "configured", eth0 = "present" }
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
  address = "10.99.0.1/24"
  ports   = ""
  dhcp    = "10.99.0.0/24"
}

guest "tiny-cloud" {
  vmid     = 9000
  template = true
  image    = "tiny"
  storage  = "local"
  disk_gib = 0.0625
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

file "local:snippets/u.yaml" {
  file_bytes = 43
}

file "local:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst" {
  file_bytes = 65264288
}

url "http://127.0.0.1:8099/a.iso" {
  size_bytes = 65536
  mimetype   = "application/x-iso9660-image"
  checksums  = { sha256 = "de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31" }
}

url "http://127.0.0.1:8099/t.iso" {
  size_bytes = 2048
  mimetype   = "application/x-iso9660-image"
}

url "http://127.0.0.1:8099/disk.qcow2" {
  size_bytes = 196616
}

url "http://127.0.0.1:8099/tiny.qcow2" {
  size_bytes = 17367040
  disk_mib   = 64
  image      = "tiny"
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
