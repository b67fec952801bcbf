# What is at some addresses, for files that a node fetches.

url "https://images.example/debian-13.qcow2" {
  size_bytes = 104857600
  disk_mib   = 3072
  image      = "debian-13"
  checksums  = { sha256 = "1111111111111111111111111111111111111111111111111111111111111111" }
}

url "https://images.example/debian-13-new.qcow2" {
  size_bytes = 115343360
  disk_mib   = 3072
  image      = "debian-13"
  checksums  = { sha256 = "2222222222222222222222222222222222222222222222222222222222222222" }
}

url "https://images.example/tools.iso" {
  size_bytes = 2097152
}

url "https://images.example/huge.iso" {
  size_bytes = 110000000000
}
