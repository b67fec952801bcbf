terraform {
  required_providers {
    proxmox = {
      source = "bpg/proxmox"
    }
  }
}

provider "proxmox" {
  endpoint = "https://pve1:8006"
}

resource "proxmox_virtual_environment_vm" "web" {
  name = "web"
}

resource "proxmox_lxc" "dns" {
  hostname = "dns"
}

resource "null_resource" "hook" {
}

data "proxmox_virtual_environment_nodes" "all" {
}

backend "s3" {
}

variables {
  a = 1
}

local {
  b = 1
}

cluster "lab" {
  simulator {}
}

output "web" {
  value = proxmox_virtual_environment_vm.web.name
}

output "dns" {
  value = resource.container.dns.name
}
