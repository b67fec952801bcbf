# The cluster as the sections about guests found it: no guest yet, one pool, and the files guests are made of.
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

pool "p1" {}

file "local:import/disk.qcow2" {
  size_mib   = 64
  file_bytes = 196616
}

file "local:import/tiny.qcow2" {
  size_mib = 64
  image    = "tiny"
}

file "local:iso/dl.iso" {
  size_mib   = 0
  file_bytes = 65536
}

file "local:snippets/u.yaml" {
  size_mib   = 0
  file_bytes = 43
}

file "local:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst" {
  size_mib   = 62
  file_bytes = 65264288
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
