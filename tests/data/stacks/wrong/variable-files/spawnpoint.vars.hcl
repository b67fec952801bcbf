corse = 4                                      # error: there is no variable `corse` ~ did you mean `cores`?
cores = var.other                              # error: expected a constant, found the reference `var.other`
