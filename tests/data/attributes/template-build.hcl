#@ template.x.copy["pve1"]
#! vmids: as `vmid`, for several nodes
#! timeout: it is about the file too
#! nodes: another node is another copy, see tests/stacks/template-build
#! image.file: see tests/stacks/template-build
#! image.file_name: the name of the file is that of its volume
#! image.storage: the storage of the file is that of its volume
#! image.verify_certificates: it is about the file, see `storage_file`
cluster "lab" {
  simulator {}
}

template "x" {
  vmid         = 8000           #> 8001 | recreate
  nodes        = ["pve1"]
  name         = "debian"       #> "trixie" | live
  disk_storage = "local-lvm"    #> "shared" | recreate
  disk_size    = "4GiB"         #> "5GiB" | recreate  #> gone | recreate
  cores        = 2              #> 4 | live  #> gone | live
  memory       = "2GiB"         #> "4GiB" | live
  agent        = false          #> true | live
  ostype       = "l26"          #> "other" | live
  scsihw       = "virtio-scsi-pci"  #> gone | live
  bridge       = "vmbr0"        #> "vmbr1" | live
  description  = "one\ntwo"     #> "three" | live
  tags         = ["a"]          #> ["b"] | live
  pool         = "templates"    #> gone | live
  timeout      = "10m"

  image {
    checksum = "sha256:1111111111111111111111111111111111111111111111111111111111111111"  #> gone | recreate | image, version
    url      = "https://images.example/debian-13.qcow2"  #> "https://images.example/debian-13-new.qcow2" | recreate | image, version
    storage  = "local"
  }
}

pool "templates" {
  poolid = "templates"
}
