cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

locals {
  sizes = { small = 2, large = 8 }
  list  = [1, 2, 3]
}

vm "a" {
  for_each = { lobby = "small", survival = "medium" }
  template = template.debian13
  cores    = local.sizes[each.value]            # error: there is no attribute `medium` here
  name     = "${local.list}"                    # error: wrong value for `name`: a string is required
}

vm "b" {
  count    = length(local.list)
  template = template.debian13
  cores    = local.list[count.index + 1]        # error: there is no item 3: there are 3 items, counted from 0
  memory   = "${template.debian13.vmdi}GiB"     # error: there is no attribute `vmdi` here ~ did you mean `vmid`
}

vm "c" {
  template    = template.debian13
  description = join(",", 5)                    # error: argument `lists` of `join` is wrong: a list of string is required
  tags        = [for tag in local.sizes : upper(tag.name)] # error: a number has no attribute `name`
  cores       = 1 / 0                           # error: division by zero
  name        = { a = 1 } == null ? "x" : [1][2] # error: there is no item 2: there is one item, and its index is 0
}
