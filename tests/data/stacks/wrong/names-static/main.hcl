cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "each" {
  for_each = { lobby = 2 }
  template = template.debian13
  memory   = "${each.vaule}GiB"
  name     = each.name
}

vm "count" {
  count    = 2
  template = template.debian13
  name     = "mc-${count.indx}"
  cores    = count
}

locals {
  folder    = path.modul
  workspace = terraform.workspce
  version   = spawnpoint.version
  root      = path
  hidden    = try(path.rot, "x")
}
