# What the tests of the commands work on: one tenant, two machines, one game server.

cluster "lab" {
  vmid_range = [5000, 5999]
  simulator {}
}

tier "gold" {
  cores  = 16
  memory = "32GiB"
  disk   = "500GiB"
}

tenant "acme" {
  tier = tier.gold

  network {
    bridge  = "vmbr1"
    vlan    = 40
    cidr    = "10.40.0.0/24"
    gateway = "10.40.0.1"
  }
  access "kim@pve" {
    role = "PVEVMUser"
  }
}

template "debian13" {
  vmid = 9000
}

variable "memory" {
  type    = string
  default = "4GiB"
}

variable "password" {
  type      = string
  default   = "hunter2"
  sensitive = true
}

vm "mc" {
  for_each = { lobby = 2, survival = 4 }
  tenant   = tenant.acme
  template = template.debian13
  cores    = each.value
  memory   = var.memory

  network "net0" {
    address = "auto"
  }
}

game_server "lobby" {
  vm      = vm.mc["lobby"]
  game    = "minecraft-java"
  version = "1.21.8"

  settings = {
    accept_eula = true
    motd        = "Acme"
  }
}

output "endpoint" {
  value = game_server.lobby.endpoint
}

output "password" {
  value     = var.password
  sensitive = true
}
