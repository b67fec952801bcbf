terraform {                                    # error: there is no block type `terraform` ~ settings of the stack are in `spawnpoint { ... }`
  required_providers {
    proxmox = {
      source = "bpg/proxmox"
    }
  }
}

provider "proxmox" {                           # error: there is no block type `provider` ~ where things run is in `cluster "name" { ... }`
  endpoint = "https://pve1:8006"
}

resource "proxmox_virtual_environment_vm" "web" { # error: there is no block type `resource` ~ objects have their type as block type: `vm "web" { ... }`
  name = "web"
}

resource "proxmox_lxc" "dns" {                 # error: there is no block type `resource` ~ objects have their type as block type: `container "dns" { ... }`
  hostname = "dns"
}

resource "null_resource" "hook" {              # error: there is no block type `resource` ~ objects have their type as block type, such as `vm "name" { ... }`; `spawnpoint schema` li
}

data "proxmox_virtual_environment_nodes" "all" { # error: there is no look-up of type `proxmox_virtual_environment_nodes` ~ here it is `data "nodes" "all"`
}

backend "s3" {                                 # error: there is no block type `backend` ~ where the state is kept is in `spawnpoint { state "s3" { ... } }`
}

variables {                                    # error: there is no block type `variables` ~ did you mean `variable`?
  a = 1
}

local {                                        # error: there is no block type `local` ~ did you mean `locals`?
  b = 1
}

cluster "lab" {
  simulator {}
}

output "web" {
  value = proxmox_virtual_environment_vm.web.name # error: there is nothing called `proxmox_virtual_environment_vm` ~ did you mean `vm.web.name`?
}

output "dns" {
  value = resource.container.dns.name          # error: there is nothing called `resource` ~ blocks are referred to by type and name: `container.dns.name`
}
