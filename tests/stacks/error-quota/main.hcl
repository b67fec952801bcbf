cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

tier "bronze" {
  cores        = 4
  memory       = "8GiB"
  vms          = 2
  public_ports = 1
}

tenant "acme" {
  tier = tier.bronze

  network {
    bridge = "vmbr1"
    cidr   = "10.40.0.0/24"
  }
}

vm "lobby" {
  tenant   = tenant.acme
  template = template.debian13
  cores    = 2
  memory   = "4GiB"

  network "net0" {
    address = "auto"
  }
}

vm "survival" {
  tenant   = tenant.acme
  template = template.debian13
  cores    = 4
  memory   = "8GiB"

  network "net0" {
    address = "auto"
  }
}

game_server "lobby" {
  vm     = vm.lobby
  game   = "minecraft-java"
  expose = "public"

  settings = {
    accept_eula = true
  }
}

game_server "survival" {
  vm     = vm.survival
  game   = "minecraft-java"
  expose = "public"

  settings = {
    accept_eula = true
  }
}
