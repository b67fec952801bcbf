cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

variable "sizes" {
  default = { small = 2 }
}

vm "a" {
  count    = 200
  template = template.debian13
  cores    = "two"
  memory   = "${count.index}GB"
  nmae     = "a"
  node     = var.sizes["n${count.index}"]
}

vm "b" {
  for_each = toset([for number in range(200) : "b${number}"])
  template = template.debian13
  tags     = [each.key, { nested = true }]

  disk "scsi0" {
    size = each.key
    siez = "1GiB"
  }
}
