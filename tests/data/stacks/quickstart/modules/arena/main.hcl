variable "tenant" {
  type = tenant
}

variable "template" {
  type = template
}

variable "sizes" {
  type = list(string)
}

vm "arena" {
  for_each = toset(var.sizes)
  tenant   = var.tenant
  template = var.template
  cores    = lookup({ small = 1, large = 4 }, each.key, 2)
  memory   = "2GiB"
}

output "addresses" {
  value = [for machine in vm.arena : machine.address]
}
