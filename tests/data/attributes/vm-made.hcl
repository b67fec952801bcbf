# A guest without a template: an image for its first disk, an empty second one, a CD to install from.
#! disk[].format: told when a disk is made, and only there

cluster "lab" {
  simulator {}
}

vm "x" {
  cores = 2                       #> 3 | reboot
  power = "running"

  disk "scsi0" {
    storage     = "shared"        #> "local-lvm" | live  #> back | live
    import_from = "shared:import/debian-13-genericcloud-amd64.qcow2"  #> gone | recreate | vmid, disk["scsi0"].import_from  #> back | recreate | vmid, disk["scsi0"].import_from
    size        = "8GiB"          #> "9GiB" | live
  }
  disk "virtio1" {
    storage = "local-lvm"
    size    = "1536MiB"
    format  = "raw"
  }
  cdrom "ide2" {
    file = "local:iso/debian-13.1.0-amd64-netinst.iso"  #> "none" | live
  }
  efidisk0 {
    storage = "shared"            #> "local-lvm" | live  #> back | live
  }
  tpmstate0 {
    storage = "shared"            #> "local-lvm" | stop  #> back | stop
  }
  network "net0" {
    bridge = "vmbr0"
  }
  cloud_init {
    user     = "game"
    password = "secret"           #> "other" | live  #> gone | live
  }
}
