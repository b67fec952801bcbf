vm "a" {
  cores: 2                                      # error: expected `=` after `cores`, found `:`
}
