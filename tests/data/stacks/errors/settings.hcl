spawnpoint {
  required_version = ">= 99"                    # error: but the stack asks for `>= 99`
  projekt          = "x"                        # error: `spawnpoint` has no attribute `projekt` ~ did you mean `project`?

  state "sqlit" {                               # error: there is no state backend `sqlit`
  }
  limits {
    destroys = -1                               # error: `destroys` takes a whole number from 0
  }
  limit {                                       # error: `spawnpoint` has no block `limit` ~ did you mean `limits`?
  }
}

cluster "a" {                                   # error: of several clusters one is the default
  endpoints  = "https://pve:8006"               # error: `endpoints` takes list(string)
  vmid_range = [50, 60]                         # error: `vmid_range` takes the first and the last VMID
}

cluster "b" {
  insecure = "maybe"                            # error: `insecure` takes bool
}
