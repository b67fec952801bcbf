cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

variable "a" {
  type = "string"
}

variable "b" {
  type = map
}

variable "c" {
  type = strng
}

variable "d" {
  type = list(string, number)
}

variable "e" {
  type = object({ name = string, size = nmber })
}

variable "f" {
  type     = string
  required = true
}

variable "g" {
  type    = string
  default = null

  validate {
    condition = true
  }
}

variable "g" {
}

variable "count" {
}

variable "h" {
  validation {
    condition = true
  }
}
