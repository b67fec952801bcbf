spawnpoint {
  required_version = ">= 0.1"
  project          = "quickstart"

  limits {
    destroys = 0
  }
}

cluster "lab" {
  default = true
  simulator {
  }
}

variable "memory_per_core" {
  description = "GiB of memory for each core"
  type        = number
  default     = 2

  validation {
    condition     = var.memory_per_core > 0
    error_message = "A machine needs memory."
  }
}

variable "rcon_password" {
  type      = string
  default   = "change-me"
  sensitive = true
}

locals {
  machines = { lobby = 2, survival = 6 }
  names    = [for name, cores in local.machines : "mc-${name}"]
  servers  = { lobby = vm.mc["lobby"], survival = vm.mc["survival"] }
}

tier "gold" {
  cores        = 16
  memory       = "64GiB"
  disk         = "1TiB"
  vms          = 10
  game_servers = 8
  public_ports = 16
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
  firewall {
    allow "ssh" {
      proto  = "tcp"
      port   = 22
      source = "10.0.0.0/8"
    }
    dynamic "allow" {
      for_each = toset(["query", "rcon"])
      labels   = [allow.key]
      content {
        proto = "tcp"
        port  = allow.value == "rcon" ? 25575 : 25565
      }
    }
  }
}

template "debian13" {
  vmid = 9000
}

vm "mc" {
  for_each = local.machines
  tenant   = tenant.acme
  template = template.debian13
  name     = "mc-${each.key}"
  cores    = each.value
  memory   = "${each.value * var.memory_per_core}GiB"

  disk "scsi0" {
    size    = "40GiB"
    storage = "local-lvm"
  }
  network "net0" {
    address = "auto"
  }
  lifecycle {
    ignore_changes = [description, disk["scsi0"].size]
  }
}

game_server "lobby" {
  vm   = local.servers["lobby"]
  game = "minecraft-java"
}

game_server "survival" {
  vm      = vm.mc["survival"]
  game    = "minecraft-java"
  version = "1.21.8"
  settings = {
    difficulty = "hard"
  }
  secrets = {
    rcon_password = var.rcon_password
  }
  depends_on = [game_server.lobby]
}

module "arena" {
  source   = "./modules/arena"
  tenant   = tenant.acme
  template = template.debian13
  sizes    = ["small"]
}
