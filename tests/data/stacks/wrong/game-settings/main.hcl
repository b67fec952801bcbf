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
  common = {
    difficulty  = "hrad"
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
    dificulty   = "hard"
    max_players = 40
    gamemode    = "chess"
    max-players = "many"
    pvp         = "perhaps"
  }
}

game_server "merged" {
  vm       = vm.mc
  game     = "minecraft-java"
  settings = merge(local.common, { accept_eula = true, view-distance = 500 })
}

game_server "shared" {
  vm       = vm.mc
  game     = "minecraft-java"
  settings = local.common
  version  = "1.21.99"
}

game_server "unknown" {
  vm   = vm.mc
  game = "minecraft-jav"
}

game_server "words" {
  vm       = vm.mc
  game     = "minecraft-java"
  settings = "difficulty=hard"
  secrets = {
    rcon_pasword = "x"
  }
}
