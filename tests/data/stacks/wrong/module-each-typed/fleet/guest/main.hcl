variable "template" {
  type = template
}

variable "guest" {
  type = object({ cores = number, disks = map(number) })
}

vm "guest" {
  template = var.template
  cores    = var.guest.cores
}
