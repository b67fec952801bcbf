cluster "lab" {
  vmid_range = [5000, 5999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

tenant "acme" {
  access "kam@pve" {
    role = "PVEVMUser"
  }

  access "kim@pve" {
    role = "PVEVMUsr"
  }
}
