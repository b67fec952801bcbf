cluster "lab" {
  simulator {}
}

group "x" {
  groupid = "admins"              #> "operators" | recreate
  comment = "all of it"           #> "all, and a=b; ä" | live  #> gone | live
}
