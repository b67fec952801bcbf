cluster "lab" {
  simulator {}
}

storage_file "x" {
  node                = "pve1"
  storage             = "local"
  content_type        = "import"
  file_name           = "debian.qcow2"
  url                 = "https://images.example/debian-13.qcow2"      #> "https://images.example/debian-13-new.qcow2" | none
  checksum            = "sha256:1111111111111111111111111111111111111111111111111111111111111111"  #> gone | recreate | checksum, version
  verify_certificates = false      #> true | none
}
