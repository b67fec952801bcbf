cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "a" {
  template = template.debian13

  lifecycle {
    precondition {                             # error: a `precondition` needs `condition` and `error_message`
      condition = self.cores > 1
    }
    postconditon {                             # error: `lifecycle` has no block `postconditon` ~ did you mean `postcondition`?
      condition     = true
      error_message = "x"
    }
  }
}

check "c" {
  assert {                                     # error: an `assert` needs `condition` and `error_message`
    error_message = "x"
  }
}

output "o" {
  value = 1
  sensitive = "maybe"                          # error: `sensitive` takes `true` or `false`
}
