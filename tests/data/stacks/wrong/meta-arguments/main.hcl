cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

variable "names" {
  type    = list(string)
  default = ["lobby", "survival"]
}

variable "secret" {
  type      = set(string)
  default   = ["lobby"]
  sensitive = true
}

vm "list" {
  for_each = ["a", "b"]                        # error: `for_each` takes a map or a set of texts, found tuple([string, string])
  template = template.debian13
}

vm "variable" {
  for_each = var.names                         # error: `for_each` takes a map or a set of texts, found list(string)
  template = template.debian13
}

vm "secret" {
  for_each = var.secret                        # error: `for_each` is sensitive, but keys of instances are shown in addresses
  template = template.debian13
}

vm "numbers" {
  for_each = toset([1, { a = 2 }])             # error: argument `value` of `toset` is wrong: all elements must be of one type, or convert to one, and a tuple of 2 elements does not convert
  template = template.debian13
}

vm "half" {
  count    = 1.5                               # error: `count` takes a whole number
  template = template.debian13
}

vm "words" {
  count    = "two"                             # error: `count` takes a whole number
  template = template.debian13
}

vm "negative" {
  count    = -3                                # error: `count` is -3, expected a whole number from 0 to 20000
  template = template.debian13
}

vm "nothing" {
  for_each = null                              # error: `for_each` is null, expected a value
  template = template.debian13
}

vm "millions" {
  count    = 1000000                           # error: `count` is 1000000, expected a whole number from 0 to 20000
  template = template.debian13
}
