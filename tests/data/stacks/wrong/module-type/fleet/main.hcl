variable "template" {
  type = template
}

variable "guests" {
  type = map(object({ cores = any }))
}

vm "guest" {
  for_each = var.guests
  template = var.template
  cores    = each.value.cores                   # error: wrong value for `cores`: a number is required
  memory   = "${each.value.memory}GiB"          # error: there is no attribute `memory` here
}
