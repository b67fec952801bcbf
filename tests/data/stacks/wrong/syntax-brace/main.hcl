cluster "lab" {                                # error: this block is never closed, expected `}`
  simulator {}

vm "mc" {                                      # related: still open where this begins
  cores = 2
}
