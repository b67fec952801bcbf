# Templates that are built, not found: images are fetched by the nodes, and machines and containers are made from them. On a simulated
# cluster that knows these addresses; take the `simulator` block out and name your endpoint to build them for real.

cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {
    lab = "templates.lab.hcl"
  }
}

# Fetched once, to a storage that both nodes share.
storage_file "debian13" {
  node         = "pve1"
  storage      = "shared"
  content_type = "import"
  file_name    = "debian-13-genericcloud-amd64.qcow2"
  url          = "https://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2"
}

# One template for both nodes, because its disk is shared too.
template "debian13" {
  nodes        = ["pve1"]
  disk_storage = "shared"
  disk_size    = "8GiB"
  cores        = 2
  memory       = "2GiB"

  image {
    file = storage_file.debian13
  }
}

# A template on each node, on its own fast disks: each node fetches the image itself, and clones its own.
template "ubuntu2404" {
  nodes        = ["pve1", "pve2"]
  disk_storage = "local-lvm"
  disk_size    = "10GiB"

  image {
    url     = "https://cloud-images.ubuntu.com/noble/current/noble-server-cloudimg-amd64.img"
    storage = "local"
  }
}

vm "web" {
  template = template.debian13
  node     = "pve2"

  network "net0" {
    bridge  = "vmbr0"
    address = "dhcp"
  }
}

vm "game" {
  for_each = toset(["pve1", "pve2"])

  template = template.ubuntu2404
  node     = each.key
  memory   = "4GiB"

  disk "scsi0" {
    size = "20GiB"
  }

  network "net0" {
    bridge  = "vmbr0"
    address = "dhcp"
  }
}

# Containers are made from archives, which are files like any other.
storage_file "alpine" {
  node         = "pve1"
  storage      = "local"
  content_type = "vztmpl"
  url          = "http://download.proxmox.com/images/system/alpine-3.22-default_20250617_amd64.tar.xz"
}

container "dns" {
  ostemplate = storage_file.alpine.volume
  node       = "pve1"

  rootfs {
    storage = "local-lvm"
    size    = "2GiB"
  }
  network "net0" {
    bridge  = "vmbr0"
    address = "dhcp"
  }
}

output "templates" {
  value = {
    debian13   = template.debian13.vmids
    ubuntu2404 = template.ubuntu2404.vmids
  }
}
