spawnpoint {
  required_version = "latest"
  projct           = "home"

  backend "s3" {
  }
  state "sqlite" {
    pth = "state.db"
  }
  encryption {
    passphrase = local.secret                  # error: `spawnpoint` may use variables and `path` only, found `local.secret`
  }
}

cluster "home" {
  endpoint  = "https://pve1.lan:8006"
  token     = tenant.acme.token                # error: `cluster` may use variables and `path` only, found `tenant.acme.token`
  insecure  = "never"
  vmid_range = [5999, 5000]
}

tenant "acme" {
}

locals {
  secret = "x"
}
