cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "a" {
  template = template.debian13

  lifecycle {
    precondition {
      condition = self.cores > 1
    }
    postconditon {
      condition     = true
      error_message = "x"
    }
  }
}

check "c" {
  assert {
    error_message = "x"
  }
}

output "o" {
  value = 1
  sensitive = "maybe"
}
