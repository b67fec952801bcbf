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
  vm   = vm.mc["loby"]
  game = "minecraft-java"
}

game_server "b" {
  vm   = vm.mc[0]
  game = "minecraft-java"
}
