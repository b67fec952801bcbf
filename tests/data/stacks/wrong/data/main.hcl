cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "mc" {
  template = template.debian13
  memory   = data.vm.rooter.memory            # error: there is no `data.vm.rooter` ~ did you mean `data.vm.router`?
  node     = data.vm                          # error: expected a type and a name after `data`
  name     = data.node.many.name              # error: `data.node.many` has several instances ~ [for x in data.node.many : x.name]
  tags     = [data.vm.scoped.name]            # error: `data.vm.scoped` is only there in the check `scoped` ~ move the `data` block
}

data "vm" "router" {
  name = "router"
}

data "node" "many" {
  for_each = toset(["pve1"])
  name     = each.key
}

data "vmm" "typo" {                           # error: there is no look-up of type `vmm` ~ did you mean `vm`?
}

data "nothing" "like" {                       # error: there is no look-up of type `nothing` ~ there are `vm`
}

data "vm" {                                   # error: `data` needs a type and a name, expected `data "vm" "router" {`
}

data "vm" "router" {                          # error: `data.vm.router` is declared twice
  vmid = 100
}

data "vm" "waits" {
  name       = "router"
  depends_on = [vm.mc]                        # error: a look-up cannot wait for `vm.mc` ~ refer to the object itself
}

data "vm" "forever" {
  name = "router"

  lifecycle {
    prevent_destroy = true                    # error: there is no `prevent_destroy` in its `lifecycle` ~ `precondition`
  }
}

check "scoped" {
  data "vm" "scoped" {
    name = "router"
  }

  data "vm" "another" {                       # error: a `check` holds one `data` block
    name = "router"
  }

  assert {
    condition     = data.vm.scoped.status == "running"
    error_message = "The router does not run."
  }
}
