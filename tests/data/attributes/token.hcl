cluster "lab" {
  simulator {}
}

user "sam" {
  userid = "sam@pve"
}

user "alex" {
  userid = "alex@pve"
}

token "x" {
  userid  = user.sam.userid                 #> user.alex.userid | recreate
  tokenid = "ci"                            #> "night" | recreate
  comment = "plans"                         #> "plans; a=b" | live  #> gone | live
  expire  = 1900000000                      #> 0 | live  #> 1900000001 | live  #> gone | live
  privsep = true                            #> false | live  #> gone | live
}
