variable "cores" {
  default = 2
}

variable "computed" {
  default = var.cores
}
