#! content_type: the ending of its name goes with it
#! version: it follows from `source`
#! size: it follows from `source`
#! volume: it follows from storage, type and name

cluster "lab" {
  simulator {}
}

storage_file "x" {
  node         = "pve1"            #> "pve2" | recreate  #> "pve1" | recreate
  storage      = "local"           #> "shared" | recreate | storage, volume
  content_type = "iso"
  file_name    = "tools.iso"       #> "tools.img" | recreate | file_name, volume  #> gone | recreate | file_name, volume
  source       = "files/seed.iso"  #> "files/other.iso" | recreate | file_name, source, version, size, volume
  timeout      = "10m"             #> "20m" | none  #> gone | none
}
