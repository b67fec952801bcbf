variable "size" {
  type = number
}

output "names" {
  value = [var.size]
}

provider "proxmox" {
}

cluster "other" {
}
