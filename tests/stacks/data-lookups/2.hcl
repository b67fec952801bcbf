cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

tenant "acme" {
}

vm "mc" {
  tenant      = tenant.acme
  template    = template.debian13
  node        = "pve2"
  tags        = ["web"]
  description = "Ours."
  memory      = "3GiB"
  network "net0" {
    bridge  = "vmbr1"
    address = "10.66.0.9/24"
  }
}

data "vms" "web" {
  tags = ["web"]
}

data "vm" "web" {
  for_each = { for vm in data.vms.web.vms : vm.name => vm.vmid }
  vmid     = each.value
}

data "pool" "acme" {
  poolid = "acme"
}

data "storage" "local" {
  name = "local-lvm"
  node = "pve1"
}

data "version" "here" {
}

output "web" {
  value = data.vm.web["mc"]
}

output "listed" {
  value = data.vms.web.vms
}

output "pool" {
  value = data.pool.acme
}

output "storage" {
  value = {
    type    = data.storage.local.type
    shared  = data.storage.local.shared
    content = data.storage.local.content
    nodes   = data.storage.local.nodes
    total   = data.storage.local.total
  }
}

output "version" {
  value = data.version.here.major
}
