cluster "lab" {
  simulator {}
}

pool "spare" {
  poolid = "spare"
}

pool "other" {
  poolid = "other"
}

backup_job "x" {
  id       = "pool"
  schedule = "03:30"
  pool     = pool.spare.poolid               #> pool.other.poolid | live
}
