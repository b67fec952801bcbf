variable "template" {
  type = template
}

variable "size" {
  type = number
}

vm "a" {
  for_each = { for number in range(var.size) : number => number }
  template = var.tmplate                        # error: there is no variable `tmplate` ~ did you mean `var.template`
  memory   = "${each.vaule}GiB"                 # error: there is no `each.vaule` ~ did you mean `each.value`
}

output "name" {
  value = vm.a.name                             # error: `vm.a` has several instances, expected a key before `.name`
}
