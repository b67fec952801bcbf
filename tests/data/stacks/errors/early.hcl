tenant "acme" {
}

locals {
  name = "x"
}

spawnpoint {
  project = local.name                          # error: `spawnpoint` may use variables and `path` only
}

cluster "a" {
  token = tenant.acme.token                     # error: `cluster` may use variables and `path` only
}
