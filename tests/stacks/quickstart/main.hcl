# One customer, three virtual machines, two Minecraft servers, on the built-in simulator: no cluster needed.

cluster "lab" {
  default    = true
  vmid_range = [5000, 5999]

  simulator {}
}

tier "gold" {
  cores        = 16
  memory       = "32GiB"
  disk         = "500GiB"
  vms          = 10
  game_servers = 8
  public_ports = 4
}

tenant "acme" {
  tier = tier.gold

  network {
    bridge  = "vmbr1"
    vlan    = 40
    cidr    = "10.40.0.0/24"
    gateway = "10.40.0.1"
    dns     = ["10.40.0.1"]
  }

  access "kim@pve" {
    role = "PVEVMUser"
  }
}

template "debian13" {
  vmid = 9000
}

variable "memory" {
  type        = string
  default     = "4GiB"
  description = "Memory of each game machine."
}

vm "mc" {
  for_each = { lobby = 2, survival = 4, creative = 2 }

  tenant   = tenant.acme
  template = template.debian13
  cores    = each.value
  memory   = var.memory
  tags     = ["minecraft"]

  disk "scsi0" {
    size = "20GiB"
  }

  network "net0" {
    address = "auto"
  }
}

game_server "lobby" {
  vm      = vm.mc["lobby"]
  game    = "minecraft-java"
  version = "1.21.8"
  expose  = "public"

  settings = {
    accept_eula = true
    motd        = "Acme lobby"
    max-players = 60
    gamemode    = "adventure"
  }
}

game_server "survival" {
  vm      = vm.mc["survival"]
  game    = "minecraft-java"
  version = "1.21.8"
  expose  = "public"

  settings = {
    accept_eula = true
    motd        = "Acme survival"
    difficulty  = "hard"
  }
}

output "servers" {
  description = "Where players connect."
  value = {
    lobby    = game_server.lobby.endpoint
    survival = game_server.survival.endpoint
  }
}
