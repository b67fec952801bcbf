cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "each" {
  template = template.debian13

  dynamic "disk" {
    for_each = ["scsi0"]
    labels   = [each.value]
    content {
      size = disks.value
    }
  }
}

vm "missing" {
  template = template.debian13

  dynamic "disk" {
    for_each = 5
    content {
    }
  }
}
