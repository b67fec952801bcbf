vm "a" {
  cores = 2 memory = "2GiB"                     # error: expected a new line before `memory`
}
