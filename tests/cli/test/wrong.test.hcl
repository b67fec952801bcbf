variables {
}

variables {
}

mock_provider "x" {
}

rum "x" {
}

run "a" {
  command         = destroy
  expect_failures = var.x
}

run "a" {
  module {
    source = "registry/x"
  }

  assert {
  }
}

x = 1
