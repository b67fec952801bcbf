cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "mc" {
  for_each = { lobby = 2, survival = 4 }
  template = template.debian13
}

game_server "a" {
  vm   = vm.mc["loby"]                         # error: `vm.mc` has no instance `["loby"]` ~ did you mean `lobby`?
  game = "minecraft-java"
}

game_server "b" {
  vm   = vm.mc[0]                              # error: `vm.mc` has no instance `[0]`
  game = "minecraft-java"
}
