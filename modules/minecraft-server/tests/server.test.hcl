run "plans_with_defaults" {
  command = plan

  module {
    source = "./tests/stack"
  }

  assert {
    condition     = output.endpoint == "10.47.0.2:25565"
    error_message = "Players connect to the first free address and the game's own port."
  }
}

run "makes_the_server" {
  module {
    source = "./tests/stack"
  }

  assert {
    condition     = module.server.vmid >= 100
    error_message = "The machine has a VMID."
  }
}

run "grows_in_place" {
  variables {
    memory = "6GiB"
  }

  module {
    source = "./tests/stack"
  }

  assert {
    condition     = output.vmid == run.makes_the_server.vmid
    error_message = "More memory does not make the machine anew."
  }
}
