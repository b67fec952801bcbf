variable "size" {                              # related: declared without a default here
  type = number
}

output "names" {
  value = [var.size]
}

provider "proxmox" {                           # error: there is no block type `provider` ~ where things run is in `cluster "name" { ... }`
}

cluster "other" {                              # error: a module holds no `cluster` block, expected it in the root module
}
