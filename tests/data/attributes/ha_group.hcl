#= 8.4
cluster "lab" {
  simulator {}
}

ha_group "x" {
  group      = "west"                     #> "east" | recreate
  nodes      = ["pve1:2", "pve2"]         #> ["pve1"] | live
  restricted = true                       #> false | live  #> back | live  #> gone | live
  nofailback = true                       #> false | live  #> back | live  #> gone | live
  comment    = "at home"                  #> "a=b; ä" | live  #> gone | live
}
