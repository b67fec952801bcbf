#! password: an API token may not change it

cluster "lab" {
  simulator {}
}

group "admins" {
  groupid = "admins"
}

user "x" {
  userid    = "sam@pve"                     #> "alex@pve" | recreate
  comment   = "survival"                    #> "skyblock; a=b" | live  #> gone | live
  email     = "sam@example.org"             #> "alex@example.org" | live  #> gone | live
  firstname = "Sam"                         #> "Älex" | live  #> gone | live
  lastname  = "Gamgee"                      #> "Shire" | live  #> gone | live
  enable    = true                          #> false | live  #> gone | live
  expire    = 1900000000                    #> 0 | live  #> 1900000001 | live  #> gone | live
  groups    = [group.admins.groupid]        #> [] | live  #> back | live
  keys      = "cccccc"                      #> "dddddd" | live  #> gone | live
  password  = "correct-horse"
}
