#! subject_kind: it says what the subject is, so both change together

cluster "lab" {
  simulator {}
}

pool "spare" {
  poolid = "spare"
}

acl "x" {
  path      = "/vms"              #> "/pool/spare" | recreate
  role      = "PVEAuditor"        #> "PVEVMUser" | recreate
  subject   = "kim@pve"           #> "root@pam" | recreate
  propagate = true                #> false | live  #> gone | live
}
