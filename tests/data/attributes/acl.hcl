#! subject_kind: it says what the subject is, so both change together
#! subject_kind: it says what the subject is, so both change together


cluster "lab" {
  simulator {}
  simulator {}
}
}


pool "spare" {
  poolid = "spare"
  poolid = "spare"
}
}


acl "x" {
  path         = "/vms"           #> "/pool/spare" | recreate
  path         = "/vms"           #> "/pool/spare" | recreate
  role         = "PVEAuditor"     #> "PVEVMUser" | recreate
  role         = "PVEAuditor"     #> "PVEVMUser" | recreate
  subject      = "kim@pve"        #> "root@pam" | recreate
  subject      = "kim@pve"        #> "root@pam" | recreate
  propagate    = true             #> false | live  #> gone | live
  propagate    = true             #> false | live  #> gone | live
}
}
