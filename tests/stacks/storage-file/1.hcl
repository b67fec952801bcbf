cluster "lab" {
  simulator {}
}

storage_file "tools" {
  node         = "pve1"
  storage      = "local"
  content_type = "iso"
  file_name    = "tools.iso"
  source       = "files/seed.iso"
}

vm "a" {
  node = "pve1"
  disk "scsi0" {
    storage = "local-lvm"
    size    = "4GiB"
  }
  cdrom "ide2" {
    file = storage_file.tools.volume
  }
}
