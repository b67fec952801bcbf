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
  for_each = ["a", "b"]
  template = template.debian13
}

vm "variable" {
  for_each = var.names
  template = template.debian13
}

vm "secret" {
  for_each = var.secret
  template = template.debian13
}

vm "numbers" {
  for_each = toset([1, { a = 2 }])
  template = template.debian13
}

vm "half" {
  count    = 1.5
  template = template.debian13
}

vm "words" {
  count    = "two"
  template = template.debian13
}

vm "negative" {
  count    = -3
  template = template.debian13
}

vm "nothing" {
  for_each = null
  template = template.debian13
}

vm "millions" {
  count    = 1000000
  template = template.debian13
}
