vm "a" {
}
}                                               # error: `}` closes nothing
