cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

variable "sizes" {
  default = { small = 2 }                      # related: `var.sizes` comes from here
}

vm "a" {
  count    = 200
  template = template.debian13
  cores    = "two"                             # error: wrong value for `cores`: a number is required, found "two" ~ and 199 more instances
  memory   = "${count.index}GB"                # error: wrong value for `memory`: `0GB` could mean powers of 1000 or of 1024, write `0GiB` (or `0B` for powers of 1000) ~ and 199 more instances ~ count.index is 0
  nmae     = "a"                               # error: unknown attribute `nmae` ~ did you mean `name`? ~ and 199 more instances
  node     = var.sizes["n${count.index}"]      # error: there is no attribute `n0` here ~ there are `small` ~ and 199 more instances ~ var.sizes is { small = 2 } ~ count.index is 0
}

vm "b" {
  for_each = toset([for number in range(200) : "b${number}"]) # related: `each.key` comes from here
  template = template.debian13
  tags     = [each.key, { nested = true }]     # error: wrong value for `tags[1]`: a string is required, found an object ~ and 199 more instances

  disk "scsi0" {
    size = each.key                            # error: wrong value for `size`: `b0` is not a size, expected a number and a unit such as `8GiB` ~ and 199 more instances ~ each.key is "b0"
    siez = "1GiB"                              # error: unknown attribute `siez` ~ did you mean `size`? ~ and 199 more instances
  }
}
