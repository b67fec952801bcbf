cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

tenant "acme" {
  network {
    bridge = "vmbr1"
    vlan   = 40
    cidr   = "10.40.0.0/24"
  }
}

locals {
  common = {                                   # related: `local.common` comes from here
    difficulty  = "hrad"                       # related: it comes from here
    max-players = 40
  }
}

vm "mc" {
  tenant   = tenant.acme
  template = template.debian13

  network "net0" {
    address = "auto"
  }
}

game_server "written" {
  vm   = vm.mc
  game = "minecraft-java"
  settings = {
    accept_eula = true
    dificulty   = "hard"                       # error: Minecraft: Java Edition has no setting `dificulty` ~ did you mean `difficulty`?
    max_players = 40                           # error: Minecraft: Java Edition has no setting `max_players` ~ did you mean `max-players`?
    gamemode    = "chess"                      # error: setting `gamemode` is "chess", expected one of `survival`, `creative`, `adventure`, `spectator`
    max-players = "many"                       # error: setting `max-players` is "many", expected a whole number from 1 to 2147483647
    pvp         = "perhaps"                    # error: setting `pvp` is "perhaps", expected `true` or `false`
  }
}

game_server "merged" {
  vm       = vm.mc
  game     = "minecraft-java"
  settings = merge(local.common, { accept_eula = true, view-distance = 500 }) # error: setting `difficulty` is "hrad", expected one of `peaceful`, `easy`, `normal`, `hard` ~ did you mean `hard`? # error: setting `view-distance` is 500, expected a whole number from 3 to 32
}

game_server "shared" {
  vm       = vm.mc
  game     = "minecraft-java"
  settings = local.common                      # error: setting `difficulty` is "hrad", expected one of `peaceful`, `easy`, `normal`, `hard` ~ did you mean `hard`? ~ local.common["difficulty"] is "hrad" # error: Minecraft: Java Edition does not start without `accept_eula = true`
  version  = "1.21.99"                         # error: no artifact is pinned for Minecraft: Java Edition `1.21.99` ~ did you mean `1.21.8`?
}

game_server "unknown" {
  vm   = vm.mc
  game = "minecraft-jav"                       # error: there is no game `minecraft-jav` ~ did you mean `minecraft-java`?
}

game_server "words" {
  vm       = vm.mc
  game     = "minecraft-java"
  settings = "difficulty=hard"                 # error: `settings` must be a map of keys to values
  secrets = {
    rcon_pasword = "x"                         # error: Minecraft: Java Edition has no secret `rcon_pasword` ~ did you mean `rcon_password`?
  }
}
