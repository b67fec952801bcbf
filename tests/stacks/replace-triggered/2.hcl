cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "db" {
  cores    = 4
  template = template.debian13
}
vm "web" {
  lifecycle {
    replace_triggered_by = [vm.db.cores]
  }
  template = template.debian13
}
vm "mail" {
  lifecycle {
    replace_triggered_by = [vm.db.memory]
  }
  template = template.debian13
}
