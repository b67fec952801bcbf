cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

data "template" "debian13" {
  name = "debian-13"
}

data "nodes" "online" {
  online = true
}

template "debian13" {
  vmid = data.template.debian13.vmid
}

locals {
  probes = setsubtract(data.nodes.online.names, ["pve3"])
}

data "node" "each" {
  for_each = local.probes
  name     = each.key

  lifecycle {
    postcondition {
      condition     = contains(self.bridges, "vmbr1")
      error_message = "There is no vmbr1 on ${self.name}."
    }
  }
}

vm "probe" {
  for_each = local.probes
  template = template.debian13
  node     = each.key
  cores    = data.node.each[each.key].cores / 16
}

output "memory" {
  value = { for name, node in data.node.each : name => node.memory }
}
