cluster "lab" {
  simulator {}
}

storage_file "snippet" {
  node         = "pve1"
  storage      = "local"
  content_type = "snippets"
  source       = "files/seed.iso"
}

storage_file "both" {
  node         = "pve1"
  storage      = "local"
  content_type = "iso"
  source       = "files/seed.iso"
  url          = "https://images.example/tools.iso"
}

storage_file "missing" {
  node         = "pve1"
  storage      = "local"
  content_type = "iso"
  source       = "files/gone.iso"
}

storage_file "name" {
  node         = "pve1"
  storage      = "local"
  content_type = "iso"
  file_name    = "my tools.iso"
  source       = "files/seed.iso"
}

storage_file "ending" {
  node         = "pve1"
  storage      = "local"
  content_type = "import"
  source       = "files/seed.iso"
}

storage_file "short" {
  node         = "pve1"
  storage      = "local"
  content_type = "iso"
  url          = "https://images.example/tools.iso"
  checksum     = "sha256:77aa"
}

storage_file "other" {
  node         = "pve1"
  storage      = "local"
  content_type = "iso"
  source       = "files/seed.iso"
  checksum     = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
}

storage_file "packed" {
  node          = "pve1"
  storage       = "local"
  content_type  = "iso"
  source        = "files/seed.iso"
  decompression = "gz"
}

storage_file "scheme" {
  node         = "pve1"
  storage      = "local"
  content_type = "iso"
  url          = "ftp://images.example/tools.iso"
}

storage_file "node" {
  node         = "pve4"
  storage      = "local"
  content_type = "iso"
  source       = "files/seed.iso"
}

storage_file "storage" {
  node         = "pve1"
  storage      = "locale"
  content_type = "iso"
  source       = "files/seed.iso"
}

storage_file "content" {
  node         = "pve1"
  storage      = "local-lvm"
  content_type = "iso"
  source       = "files/seed.iso"
}
