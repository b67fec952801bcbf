# A cluster in which much is not as it should be.
cluster = "broken"

node "pve1" {
  cores            = 16
  memory_gib       = 64
  certificate_ends = "2026-12-01"
}

node "pve2" {
  cores            = 16
  memory_gib       = 64
  certificate_ends = "2026-11-18"
}

node "pve3" {
  cores      = 16
  memory_gib = 64
  status     = "offline"
}

storage "local" {
  type     = "dir"
  content  = ["iso", "backup"]
  size_gib = 100
}

storage "one-node" {
  type     = "dir"
  content  = ["images"]
  size_gib = 100
  nodes    = ["pve1"]
}

storage "full" {
  type     = "dir"
  content  = ["images"]
  size_gib = 100
  used_gib = 99
}

storage "nearly" {
  type     = "dir"
  content  = ["images"]
  size_gib = 100
  used_gib = 92
}

bridge "vmbr0" {}

# Neither an agent nor a cloud-init drive, and it boots from the network.
guest "bare" {
  vmid     = 9000
  node     = "pve1"
  template = true
  image    = "debian-13"
  storage  = "one-node"
  disk_gib = 3
  config = {
    boot = "order=net0"
    net0 = "virtio,bridge=vmbr0"
  }
}

guest "hollow" {
  vmid     = 9001
  node     = "pve1"
  template = true
  config = {
    agent = "enabled=1"
    ide2  = "one-node:cloudinit"
  }
}

guest "still-a-guest" {
  vmid     = 9002
  node     = "pve1"
  image    = "debian-13"
  storage  = "one-node"
  disk_gib = 3
  config = {
    agent = "1"
    boot  = "order=scsi0"
    ide2  = "one-node:cloudinit"
  }
}

user "kim@pve" {
  roles  = { "/" = "PVEAuditor" }
  tokens = { look = "11111111-2222-3333-4444-555555555555" }
}

user "new@pve" {
  tokens = { bare = "11111111-2222-3333-4444-666666666666" }
}
