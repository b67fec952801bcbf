vm "a" {
  cores: 2                                      # error: expected `=` after `cores`, found `:`
}

vm "b" {
  cores = 2
}

vm "c" {
  name = 'c'                                    # error: text goes between double quotes
}

vm "d" {
  cores = 1 +                                   # error: an operand is missing after `+`
}
