variable "cores" {                             # related: declared here
  type = number
}

variable "disks" {                             # related: declared here
  type = map(object({ size = number, storage = optional(string, "local-lvm") }))
}

variable "region" {                            # related: declared here
  type    = list(string)
  default = "eu"                               # error: `var.region` takes list(string): a list of string is required
}

variable "tags" {                              # related: declared here
  type    = map(number)
  default = { a = 1, b = "two" }               # error: `var.tags` takes map(number): at `["b"]`: a number is required
}

variable "mode" {
  default = "fast"                             # related: `var.mode` comes from here

  validation {
    condition     = contains(["quick", "slow"], var.mode) # error: `var.mode` is not valid: The mode is quick or slow, not fast. ~ var.mode is "fast"
    error_message = "The mode is quick or slow, not ${var.mode}."
  }
}

variable "nothing" {
  type     = string
  default  = null
  nullable = false
}

variable "missing" {                           # error: `var.missing` has no value and no default
  type = string
}

variable "password" {
  type      = number
  sensitive = true
}
