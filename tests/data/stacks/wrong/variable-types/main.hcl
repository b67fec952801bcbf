cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

variable "a" {
  type = "string"                              # error: expected the type `string` without quotes
}

variable "b" {
  type = map                                   # error: `map` needs to know of what, expected `map(...)`
}

variable "c" {
  type = strng                                 # error: there is no type `strng` ~ did you mean `string`?
}

variable "d" {
  type = list(string, number)                  # error: `list` takes one type, such as `list(string)`
}

variable "e" {
  type = object({ name = string, size = nmber }) # error: there is no type `nmber` ~ did you mean `number`?
}

variable "f" {
  type     = string
  required = true                              # error: `variable` has no attribute `required`
}

variable "g" {                                 # related: first declared here
  type    = string
  default = null

  validate {                                   # error: `variable` has no block `validate`
    condition = true
  }
}

variable "g" {                                 # error: `var.g` is declared twice, expected once
}

variable "count" {
}

variable "h" {
  validation {                                 # error: a `validation` needs `condition` and `error_message`
    condition = true
  }
}
