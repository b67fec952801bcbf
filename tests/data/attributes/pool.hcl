cluster "lab" {
  simulator {}
}

pool "x" {
  poolid   = "spare"               #> "other" | recreate
  comment  = "kept for later"      #> "kept, a=b; ä" | live  #> gone | live
  storages = ["shared"]           #> ["local", "shared"] | live  #> ["local-lvm"] | live  #> gone | live  #> back | live
}
