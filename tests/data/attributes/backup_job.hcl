#! all: one of all, vmid and pool; the others are in other files
#! prune_backups.keep_all: it excludes the other ones

cluster "lab" {
  simulator {}
}

pool "spare" {
  poolid = "spare"
}

backup_job "x" {
  id                = "nightly"              #> "weekly" | recreate
  schedule          = "03:30"                #> "mon..fri 02:00" | live
  storage           = "local"                #> "shared" | live
  all               = true
  exclude           = [100, 1000, 99999]     #> [100] | live  #> gone | live
  node              = "pve1"                 #> "pve2" | live  #> gone | live
  enabled           = true                   #> false | live  #> gone | live
  comment           = "every night"          #> "a=b; ä" | live  #> gone | live
  mode              = "snapshot"             #> "stop" | live  #> gone | live
  compress          = "zstd"                 #> "gzip" | live  #> gone | live
  zstd              = 2                      #> 4 | live  #> gone | live
  bwlimit           = 10240                  #> 0 | live  #> gone | live
  ionice            = 7                      #> 8 | live  #> gone | live
  notes_template    = "{{guestname}}"        #> "{{node}}" | live  #> gone | live
  mailto            = ["a@example.org", "b@example.org"] #> ["a@example.org"] | live  #> gone | live
  mailnotification  = "failure"              #> "always" | live  #> gone | live
  notification_mode = "auto"                 #> "notification-system" | live  #> gone | live
  protected         = true                   #> false | live  #> gone | live
  repeat_missed     = true                   #> false | live  #> back | live  #> gone | live
  remove            = true                   #> false | live  #> gone | live

  prune_backups {
    keep_last    = 3                         #> 4 | live  #> gone | live
    keep_hourly  = 3                         #> 4 | live  #> gone | live
    keep_daily   = 7                         #> 8 | live  #> gone | live
    keep_weekly  = 4                         #> 5 | live  #> gone | live
    keep_monthly = 6                         #> 7 | live  #> gone | live
    keep_yearly  = 1                         #> 2 | live  #> gone | live
  }

  fleecing {
    enabled = true                           #> false | live  #> gone | live
    storage = "local"                        #> "shared" | live  #> gone | live
  }
}
