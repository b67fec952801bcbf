cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

tenant "acme" {
  network {
    bridge = "vmbr1"
    vlan   = 40
    cidr   = "10.40.0.0/24"
  }
}

vm "mc" {
  count    = 2
  tenant   = tenant.acmee
  template = template.debian13
}

vm "other" {
  template = templates.debian13
  tenant   = acme
  node     = vm.mc.node
  name     = vm.mc[5].name
  cores    = var.cores
  memory   = locals.memory
  tags     = [vms.mc.name, data.vm.mc.name]
}

output "all" {
  value = vm.mc.*.nmae
}

output "one" {
  value = vm.mc["lobby"].name
}

output "typo" {
  valeu = 1
}

locals {
  memory = "4GiB"
}
