cores    = "many"
password = "hunter2"
disks = {
  scsi0 = { size = 20 }
  scsi1 = { size = "large" }
}
