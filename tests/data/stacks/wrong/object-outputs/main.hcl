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
  tenant   = tenant.acme
  template = template.debian13

  network "net0" {
    address = "auto"
  }
}

vm "many" {
  for_each = { lobby = 2, survival = 4 }
  template = template.debian13
  cores    = each.value
}

output "typo" {
  value = vm.mc.adress
}

output "nested" {
  value = vm.mc.network["net1"].address
}

output "deeper" {
  value = tenant.acme.network.cidrs
}

output "through" {
  value = vm.mc.name.first
}

output "all" {
  value = [for guest in vm.many : guest.coers]
}

output "computed" {
  value = vm.many[lower("LOBY")].cores
}

output "sum" {
  value = vm.mc.network["net0"].address + 1
}
