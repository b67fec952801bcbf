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
  for_each = { lobby = 2, survival = 64 }
  template = template.debian13
  cores    = each.value

  lifecycle {
    precondition {
      condition     = each.value <= 32
      error_message = "A guest has at most 32 cores, not ${each.value}."
    }
    postcondition {
      condition     = self.coers <= var.cores * 4
      error_message = "Too many cores."
    }
  }
}

vm "b" {
  template = template.debian13

  lifecycle {
    precondition {
      condition     = "perhaps"
      error_message = "x"
    }
  }
}
