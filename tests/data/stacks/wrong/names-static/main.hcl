cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "each" {
  for_each = { lobby = 2 }
  template = template.debian13
  memory   = "${each.vaule}GiB"                # error: there is no `each.vaule` ~ did you mean `each.value`?
  name     = each.name                         # error: there is no `each.name` ~ there are `each.key`, `each.value`
}

vm "count" {
  count    = 2
  template = template.debian13
  name     = "mc-${count.indx}"                # error: there is no `count.indx` ~ did you mean `count.index`?
  cores    = count                             # error: expected a name after `count`: `count.index`
}

locals {
  folder    = path.modul                       # error: there is no `path.modul` ~ did you mean `path.module`?
  workspace = terraform.workspce               # error: there is no `terraform.workspce` ~ did you mean `terraform.workspace`?
  version   = spawnpoint.version               # error: there is no `spawnpoint.version` ~ there are `spawnpoint.workspace`
  root      = path                             # error: expected a name after `path`: `path.module`
  hidden    = try(path.rot, "x")               # error: there is no `path.rot` ~ did you mean `path.root`?
}
