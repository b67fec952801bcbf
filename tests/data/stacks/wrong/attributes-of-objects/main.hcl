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
  value = tenant.acme.name.first
}

vm "copy" {
  template = { vmid = 9000 }                   # error: wrong value for `template`: expected the object of a `template` block
  tenant   = merge(tenant.acme, { vlan = 41 }) # error: wrong value for `tenant`: expected the object of a `tenant` block
  cores    = vm.mc.corse                       # error: there is no attribute `corse` here ~ did you mean `cores`?
}
