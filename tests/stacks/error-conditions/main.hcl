cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "odd" {
  template = template.debian13
  cores    = 3

  lifecycle {
    precondition {
      condition     = template.debian13.vmid == 9000
      error_message = "the template is ${template.debian13.vmid}"
    }
    postcondition {
      condition     = self.cores % 2 == 0
      error_message = "${self.cores} cores are odd"
    }
  }
}

vm "unmet" {
  template = template.debian13
  cores    = 2

  lifecycle {
    precondition {
      condition     = template.debian13.vmid == 9001
      error_message = "the template is ${template.debian13.vmid}"
    }
    postcondition {
      condition     = self.cores % 2 == 0
      error_message = "${self.cores} cores are odd"
    }
  }
}

