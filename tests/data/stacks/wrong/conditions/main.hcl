cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

variable "cores" {
  default = 4
}

vm "a" {
  for_each = { lobby = 2, survival = 64 }      # related: `each.value` comes from here
  template = template.debian13
  cores    = each.value

  lifecycle {
    precondition {
      condition     = each.value <= 32         # error: a precondition does not hold: A guest has at most 32 cores, not 64. ~ each.value is 64
      error_message = "A guest has at most 32 cores, not ${each.value}."
    }
    postcondition {
      condition     = self.coers <= var.cores * 4 # error: there is no attribute `coers` here ~ did you mean `cores`?
      error_message = "Too many cores."
    }
  }
}

vm "b" {
  template = template.debian13

  lifecycle {
    precondition {
      condition     = "perhaps"                # error: a condition is true or false, found string
      error_message = "x"
    }
  }
}
