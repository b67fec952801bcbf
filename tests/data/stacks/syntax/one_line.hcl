vm "a" {
  disk "scsi0" { size = "40GiB", storage = "x" } # error: a block on one line holds at most one attribute ~ size = "40GiB"
}
