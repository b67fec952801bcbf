variable "template" {
  type = template
}

variable "guests" {
  type = any
}

vm "guest" {
  for_each = var.guests
  template = var.template
  cores    = each.value.cores
  memory   = "${each.value.memory}GiB"
  tags     = [for tag in each.value.tags : tag.name]
}
