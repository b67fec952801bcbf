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
  value = vm.mc.adress                         # error: there is no attribute `adress` here ~ did you mean `address`?
}

output "nested" {
  value = vm.mc.network["net1"].address        # error: there is no attribute `net1` here ~ did you mean `net0`?
}

output "deeper" {
  value = tenant.acme.network.cidrs            # error: there is no attribute `cidrs` here ~ did you mean `cidr`?
}

output "through" {
  value = vm.mc.name.first                     # error: a string has no attribute `first` ~ vm.mc.name is "mc"
}

output "all" {
  value = [for guest in vm.many : guest.coers] # error: there is no attribute `coers` here ~ did you mean `cores`?
}

output "computed" {
  value = vm.many[lower("LOBY")].cores         # error: there is no attribute `loby` here ~ did you mean `lobby`?
}

output "sum" {
  value = vm.mc.network["net0"].address + 1    # error: operand is a string: a number is required ~ vm.mc.network["net0"].address is "10.40.0.1/24"
}
