variable "needed" {                             # error: `var.needed` has no value and no default ~ SPAWNPOINT_VAR_needed
}

variable "number" {
  type    = number
  default = "many"                              # error: `var.number` takes number
}

variable "checked" {
  default = 1

  validation {
    condition     = var.checked > 1             # error: `var.checked` is not valid: 1 is too small
    error_message = "${var.checked} is too small"
  }
}
