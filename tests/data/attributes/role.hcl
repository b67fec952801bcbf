cluster "lab" {
  simulator {}
}

role "x" {
  roleid = "GameOperator"                   #> "Operator" | recreate
  privs  = ["VM.PowerMgmt", "VM.Audit"]     #> ["VM.Audit"] | live  #> ["VM.Audit", "VM.Console"] | live
}
