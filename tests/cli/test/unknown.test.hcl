variables {
  token = "kim@pve!test=hunter2"
}

run "no_such_variable" {
  command = plan

  variables {
    player = 3
  }
}
