cores    = "many"                              # error: `var.cores` takes number: a number is required
password = "hunter2"                           # error without place: `var.password` takes number: a number is required ~ line 2
disks = {
  scsi0 = { size = 20 }
  scsi1 = { size = "large" }                   # error: `var.disks` takes map(object({size = number, storage = optional(string)})): at `["scsi1"].size`: a number is required
}
