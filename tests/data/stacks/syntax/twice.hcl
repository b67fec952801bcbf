vm "a" {
  cores = 2
  cores = 3                                     # error: `cores` is set twice
}
