cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

check "router" {
  data "vm" "router" {
    name = "router"
  }

  assert {
    condition     = data.vm.router.status == "running"
    error_message = "The router does not run."
  }
}

check "storage" {
  data "storage" "shared" {
    name = "shared"
  }

  assert {
    condition     = data.storage.shared.type == "rbd"
    error_message = "shared is ${data.storage.shared.type}."
  }
}
