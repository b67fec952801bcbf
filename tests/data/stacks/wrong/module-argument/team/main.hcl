variable "size" {
  type = number
}

locals {
  doubled = var.size * 2
}
