# The smallest stack around the module: what its tests run.

variable "settings" {
  type    = any
  default = {}
}

variable "memory" {
  type    = string
  default = "4GiB"
}

variable "accept_eula" {
  type    = bool
  default = true
}

tier "small" {
  cores  = 4
  memory = "8GiB"
}

tenant "acme" {
  tier = tier.small

  network {
    bridge  = "vmbr1"
    vlan    = 47
    cidr    = "10.47.0.0/24"
    gateway = "10.47.0.1"
  }
}

template "debian13" {
  vmid = 9000
}

module "server" {
  source = "../../"

  name        = "survival"
  tenant      = tenant.acme
  template    = template.debian13
  memory      = var.memory
  accept_eula = var.accept_eula
  settings    = var.settings
}

output "endpoint" {
  value = module.server.endpoint
}

output "vmid" {
  value = module.server.vmid
}
