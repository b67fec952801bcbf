cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "both" {
  count    = 2
  for_each = { a = 1 }
  template = template.debian13
}

vm "index" {
  for_each = { a = 1 }
  template = template.debian13
  name     = "mc-${count.index}"
}

vm "key" {
  count    = 2
  template = template.debian13
  name     = "mc-${each.key}"
}

vm "alone" {
  template = template.debian13
  name     = "mc-${each.value.name}"
  cores    = self.sockets
}

vm "life" {
  template = template.debian13

  lifecycle {
    prevent_destory = true
    ignore_changes  = ["cores"]
  }
  depends_on = ["vm.alone", template.debian12]
}
