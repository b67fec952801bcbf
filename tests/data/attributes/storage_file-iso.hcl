cluster "lab" {
  simulator {}
}

storage_file "x" {
  node          = "pve1"
  storage       = "local"
  content_type  = "iso"
  file_name     = "tools.iso"
  url           = "https://images.example/tools.iso"
  decompression = "gz"             #> "zst" | recreate  #> gone | recreate
}
