spawnpoint {
  required_version = "latest"                  # error: `latest` is not a version constraint, expected one such as `>= 0.1, < 2`
  projct           = "home"                    # error: `spawnpoint` has no attribute `projct` ~ did you mean `project`?

  backend "s3" {                               # error: `spawnpoint` has no block `backend`
  }
  state "sqlit" {                              # error: there is no state backend `sqlit` ~ there are `sqlite`, `postgres`, `s3` and `http`
    path = "state.db"
  }
  limits {
    destroys = "none"                          # error: `destroys` takes number: a number is required
  }
}

cluster "home" {                               # error: of several clusters one is the default, expected `default = true` in one of them
  endpoint   = "https://pve1.lan:8006"         # error: `cluster` has no attribute `endpoint` ~ did you mean `endpoints`?
  insecure   = "never"                         # error: `insecure` takes bool: a bool is required
  vmid_range = [5999, 5000]                    # error: `vmid_range` takes the first and the last VMID, such as `[5000, 5999]`
}

cluster "lab" {
  simulator {
    labs = "x.lab.hcl"                         # error: `simulator` has no attribute `labs` ~ did you mean `lab`?
  }
}

notify "discord" {
  url = 5
  on  = "apply.failed"                         # error: `on` takes list(string): a list of string is required
}
