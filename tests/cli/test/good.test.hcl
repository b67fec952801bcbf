variables {
  token   = "kim@pve!test=hunter2"
  players = 30
}

run "only_plans" {
  command = plan

  assert {
    condition     = vm.mc["lobby"].vmid == 5000 && vm.mc["survival"].vmid == 5001
    error_message = "VMIDs are chosen from the range of the cluster."
  }

  assert {
    condition     = output.slots == 60
    error_message = "The file's value wins over the default."
  }
}

run "applies" {
  assert {
    condition     = game_server.lobby.endpoint == "10.48.0.2:25565"
    error_message = "The lobby has the first free address."
  }
}

run "changes_what_is_there" {
  variables {
    players = run.applies.slots + 1
    cores   = 4
  }

  assert {
    condition     = output.slots == 122 && output.cores == [4, 4]
    error_message = "Values of a run win over those of the file."
  }
}

run "another_state_on_the_same_cluster" {
  module {
    source = "./other"
  }

  assert {
    condition     = vm.extra.vmid != 5000 && vm.extra.vmid != 5001
    error_message = "What earlier runs made is still there."
  }

  assert {
    condition     = var.players == 30
    error_message = "`var` knows the values of the file, too."
  }
}

run "refuses_no_players" {
  command = plan

  variables {
    players = 0
  }

  expect_failures = [var.players]
}

run "refuses_odd_cores" {
  command = plan

  variables {
    cores = 3
  }

  expect_failures = [vm.mc]
}

run "refuses_bad_luck" {
  command = plan

  variables {
    players = 13
  }

  expect_failures = [output.slots]
}

run "warns_of_crowds" {
  variables {
    players = 200
  }

  expect_failures = [check.capacity]
}
