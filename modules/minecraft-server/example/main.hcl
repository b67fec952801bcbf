# Two servers from one module, on the built-in simulator.

cluster "lab" {
  simulator {}
}

tier "small" {
  cores  = 8
  memory = "16GiB"
}

tenant "acme" {
  tier = tier.small

  network {
    bridge  = "vmbr1"
    vlan    = 40
    cidr    = "10.41.0.0/24"
    gateway = "10.41.0.1"
  }
}

template "debian13" {
  vmid = 9000
}

module "server" {
  source   = "../"
  for_each = toset(["creative", "survival"])

  name        = each.key
  tenant      = tenant.acme
  template    = template.debian13
  accept_eula = true
  settings    = { gamemode = each.key }
}

output "endpoints" {
  value = { for name, server in module.server : name => server.endpoint }
}
