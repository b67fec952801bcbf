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
  for_each = { for size in var.sizes : size => size }
  tenant   = var.tenant
  template = var.template
  cores    = { small = 1, large = 4 }[each.key]
  memory   = "2GiB"
}

output "addresses" {
  value = [for machine in vm.arena : machine.address]
}
