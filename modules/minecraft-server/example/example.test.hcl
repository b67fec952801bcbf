run "makes_two_servers" {
  assert {
    condition     = length(output.endpoints) == 2
    error_message = "There is a server for creative and one for survival."
  }

  assert {
    condition     = length(distinct(values(output.endpoints))) == 2
    error_message = "No two servers share an endpoint."
  }
}
