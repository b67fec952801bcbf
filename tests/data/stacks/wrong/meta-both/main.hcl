cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "both" {
  count    = 2                                 # related: `count` is here
  for_each = { a = 1 }                         # error: a block has either `count` or `for_each`, expected one of them
  template = template.debian13
}

vm "index" {
  for_each = { a = 1 }                         # related: this block has `for_each`
  template = template.debian13
  name     = "mc-${count.index}"               # error: `count.index` is only there in a block with `count`
}

vm "key" {
  count    = 2                                 # related: this block has `count`
  template = template.debian13
  name     = "mc-${each.key}"                  # error: `each.key` is only there in a block with `for_each` ~ did you mean `count.index`?
}

vm "alone" {
  template = template.debian13
  name     = "mc-${each.value.name}"           # error: `each.value` is only there in a block with `for_each`
  cores    = self.sockets                      # error: `self` is only there in a `postcondition`
}

vm "life" {
  template = template.debian13

  lifecycle {
    prevent_destory = true                     # error: `lifecycle` has no attribute `prevent_destory` ~ did you mean `prevent_destroy`?
    ignore_changes  = ["cores"]                # error: expected `cores` without quotes
  }
  depends_on = ["vm.alone", template.debian12] # error: expected `vm.alone` without quotes
}
