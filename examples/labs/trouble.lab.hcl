# A small cluster in which things go wrong: a node is down, a storage is full, a clone's answer is lost.
#
# Every block is optional except `node` and `storage`. Names are labels: `node "pve1"`, `guest "lobby"`.

cluster = "trouble" # also the name of the file that keeps what happened: .spawnpoint/labs/trouble.db
version = "9.2"     # the only profile there is
seed    = 7         # decides every id, MAC and secret the simulator makes up

node "pve1" {
  cores      = 16
  memory_gib = 64
}

node "pve2" {
  cores      = 16
  memory_gib = 64
  status     = "offline" # calls for it are answered 595, its guests have an unknown status
}

# Types: dir, nfs, lvmthin, lvm, zfspool, rbd. The size is per node unless the storage is shared.
storage "local-lvm" {
  type     = "lvmthin"
  content  = ["images", "rootdir"]
  size_gib = 500
}

storage "shared" {
  type     = "nfs"
  content  = ["images", "iso", "import"]
  size_gib = 2000
  shared   = true
  options  = { path = "/mnt/pve/shared" } # shown by the API as they are
}

storage "full" {
  type     = "dir"
  content  = ["images"]
  size_gib = 10
  used_gib = 10
}

bridge "vmbr0" {
  dhcp = "10.92.0.0/16" # the network a DHCP server behind the bridge hands out
}

# `config` takes what the API takes. A disk with an `image` boots and obeys; a blank one does not.
guest "debian-13" {
  vmid     = 9000
  node     = "pve1"
  template = true
  image    = "debian-13"
  storage  = "shared"
  disk_gib = 3
  config = {
    agent  = "enabled=1"
    boot   = "order=scsi0"
    ide2   = "shared:cloudinit"
    memory = "2048"
    net0   = "virtio,bridge=vmbr0"
  }
}

# Without a vmid the block only binds: whenever a guest of this name exists, Ansible runs over SSH on the host behind
# this address instead. With `root`, everything is put below that folder and nothing needs privileges: no packages, no
# user, no services, and so no game to wait for. Without it, the host is set up as a guest would be.
guest "lobby" {
  connect = "127.0.0.77:2222"
  root    = "/tmp/lobby"
}

user "kim@pve" {
  password = "simulator"
  roles    = { "/" = "PVEAuditor" }
}

# The second clone is carried out, but its answer never arrives.
fault "lost-clone" {
  method = "POST"
  path   = "/nodes/[^/]+/qemu/9000/clone"
  nth    = 2
  drop   = "after"
}

# The first start finds its guest busy.
fault "busy-start" {
  method  = "POST"
  path    = "/nodes/pve1/qemu/\\d+/status/start"
  nth     = 1
  status  = 500
  message = "VM is locked (backup)"
}
