cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

variable "token" {
  default   = "secret"
  sensitive = true
}

output "plain" {
  value = var.token
}

output "inside" {
  value = { a = [var.token] }
}
