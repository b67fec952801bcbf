variables {
  token = "kim@pve!test=hunter2"
}

run "wrong_assertion" {
  command = plan

  assert {
    condition     = output.slots == 2 * var.cores + length(var.token)
    error_message = "There are ${output.slots} slots."
  }

  assert {
    condition     = timestamp() == "now"
    error_message = "It is another time."
  }
}

run "unexpected_check" {
  variables {
    players = 101
  }
}

run "nothing_failed" {
  command = plan

  expect_failures = [var.players, check.capacity]
}

run "expected_too_much" {
  variables {
    players = 0
  }

  expect_failures = [var.players]
}

run "never_runs" {
}
