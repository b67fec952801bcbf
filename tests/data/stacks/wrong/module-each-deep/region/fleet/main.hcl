variable "template" {
  type = template
}

variable "guests" {
  type = any
}

vm "guest" {
  for_each = var.guests
  template = var.template
  cores    = each.value.cores                  # error: wrong value for `cores`: a number is required, found "many" ~ and 1 more instance ~ each.value.cores is "many"
  memory   = "${each.value.memory}GiB"         # error: there is no attribute `memory` here ~ there are `cores`, `tags` ~ and 1 more instance
  tags     = [for tag in each.value.tags : tag.name] # error: there is no attribute `tags` here ~ there are `cores`, `memory` ~ and 1 more instance ~ each.value is { cores = 2, memory = 4 } # error: a string has no attribute `name` ~ and 1 more instance ~ tag is "event"
}
