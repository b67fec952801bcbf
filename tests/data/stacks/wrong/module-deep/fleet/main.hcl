variable "template" {
  type = template
}

variable "sizes" {
  type = map(number)
}

module "guest" {
  source   = "./guest"
  for_each = var.sizes
  template = var.template
  size     = each.value
  colour   = "red"                              # error: the module has no variable `colour`
}

module "other" {                                # error: the module needs a value for `size`
  source   = "./guest"
  template = var.template
}

output "names" {
  value = [for guest in module.guest : guest.nam]
}
