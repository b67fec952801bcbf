cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

variable "disks" {
  default = [{ slot = "scsi0", size = "40GiB" }, { slot = "scsi1", sise = "10GiB" }]
}

vm "iterator" {
  template = template.debian13

  dynamic "disk" {
    for_each = var.disks
    labels   = [disk.value.slot]
    content {
      size = disk.value.size                   # error: there is no attribute `size` here ~ did you mean `sise`? ~ disk.value is { sise = "10GiB", slot = "scsi1" }
    }
  }
}

vm "typo" {
  template = template.debian13

  dynamic "dsik" {                             # error: unknown block `dsik` ~ did you mean `disk`?
    for_each = var.disks
    labels   = [dsik.value.slot]
    content {
      size = "1GiB"
    }
  }
}
