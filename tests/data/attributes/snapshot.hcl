#! vmid: it follows from the guest

cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "a" {
  template = template.debian13
}

vm "b" {
  template = template.debian13
}

snapshot "x" {
  vm          = vm.a              #> vm.b | recreate | vm, vmid
  name        = "first"           #> "second" | recreate
  description = "one\ntwo"        #> "a=b, c; ä" | live  #> gone | live
  vmstate     = true              #> false | recreate
}
