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
  value = var.token                            # error: `output.plain` is made from sensitive values, expected `sensitive = true`
}

output "inside" {
  value = { a = [var.token] }                  # error: `output.inside` is made from sensitive values, expected `sensitive = true`
}
