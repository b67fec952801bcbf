spawnpoint {
  required_version = "latest"
  projct           = "home"

  backend "s3" {
  }
  state "sqlit" {
    path = "state.db"
  }
  limits {
    destroys = "none"
  }
}

cluster "home" {
  endpoint   = "https://pve1.lan:8006"
  insecure   = "never"
  vmid_range = [5999, 5000]
}

cluster "lab" {
  simulator {
    labs = "x.lab.hcl"
  }
}

notify "discord" {
  url = 5
  on  = "apply.failed"
}
