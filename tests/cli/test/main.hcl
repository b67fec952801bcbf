# A real cluster that nobody could reach: a test takes a simulated one in its place.
cluster "home" {
  endpoints  = ["https://pve.invalid:8006"]
  token      = var.token
  vmid_range = [5000, 5999]
}

variable "token" {
  type      = string
  sensitive = true
}

variable "players" {
  type    = number
  default = 20

  validation {
    condition     = var.players > 0
    error_message = "A server without players is no server."
  }
}

variable "cores" {
  type    = number
  default = 2
}

template "debian13" {
  vmid = 9000
}

tenant "acme" {
  network {
    bridge  = "vmbr1"
    vlan    = 48
    cidr    = "10.48.0.0/24"
    gateway = "10.48.0.1"
  }
}

vm "mc" {
  for_each = toset(["lobby", "survival"])
  tenant   = tenant.acme
  template = template.debian13
  cores    = var.cores

  network "net0" {
    address = "auto"
  }

  lifecycle {
    prevent_destroy = true

    precondition {
      condition     = var.cores % 2 == 0
      error_message = "${each.key} has an odd number of cores."
    }
  }
}

game_server "lobby" {
  vm      = vm.mc["lobby"]
  game    = "minecraft-java"
  version = "1.21.8"

  settings = {
    accept_eula = true
    max-players = var.players
  }
}

check "capacity" {
  assert {
    condition     = var.players <= 100
    error_message = "Nobody plays with ${var.players} others."
  }
}

output "slots" {
  value = 2 * var.players

  precondition {
    condition     = var.players != 13
    error_message = "Thirteen is bad luck."
  }
}

output "cores" {
  value = [for machine in vm.mc : machine.cores]
}
