cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

module "fleet" {
  source   = "./fleet"
  template = template.debian13
  guests = {
    lobby    = { cores = 2, disks = { scsi0 = 20 } }
    survival = { cores = "many", disks = { scsi0 = 40 } } # error: `var.guests` takes map(object({cores = number, disks = map(number)})): at `["survival"].cores`: a number is required
  }
}
