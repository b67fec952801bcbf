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
    labels   = [each.value]                    # error: `each.value` is only there in a block with `for_each` ~ an item of this `dynamic` block is `disk.value`, its key `disk.key`
    content {
      size = disks.value                       # error: there is nothing called `disks` ~ did you mean `disk`?
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
