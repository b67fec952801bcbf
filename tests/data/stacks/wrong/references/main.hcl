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
  count    = 2                                 # related: it has instances because of this
  tenant   = tenant.acmee                      # error: there is no tenant `acmee` ~ did you mean `tenant.acme`?
  template = template.debian13
}

vm "other" {
  template = templates.debian13                # error: there is nothing called `templates` ~ did you mean `template`?
  tenant   = acme                              # error: there is nothing called `acme` ~ did you mean `tenant.acme`?
  node     = vm.mc.node                        # error: `vm.mc` has several instances, expected a key before `.node`
  name     = vm.mc[5].name
  cores    = var.cores                         # error: there is no variable `cores` ~ declare it: `variable "cores" { }`
  memory   = locals.memory                     # error: there is nothing called `locals` ~ did you mean `local`?
  tags     = [vms.mc.name, data.vm.mc.name]    # error: there is nothing called `vms` ~ did you mean `vm`? # error: there is no `data.vm.mc` ~ declare it: `data "vm" "mc" { ... }`
}

output "all" {
  value = vm.mc.*.nmae
}

output "one" {
  value = vm.mc["lobby"].name
}

output "typo" {                                # error: `output.typo` has no `value`
  valeu = 1                                    # error: `output` has no attribute `valeu` ~ did you mean `value`?
}

locals {
  memory = "4GiB"
}
