variable "cores" {
  type = number
}

variable "disks" {
  type = map(object({ size = number, storage = optional(string, "local-lvm") }))
}

variable "region" {
  type    = list(string)
  default = "eu"
}

variable "tags" {
  type    = map(number)
  default = { a = 1, b = "two" }
}

variable "mode" {
  default = "fast"

  validation {
    condition     = contains(["quick", "slow"], var.mode)
    error_message = "The mode is quick or slow, not ${var.mode}."
  }
}

variable "nothing" {
  type     = string
  default  = null
  nullable = false
}

variable "missing" {
  type = string
}

variable "password" {
  type      = number
  sensitive = true
}
