cluster "lab" {
  simulator {}
}

firewall "x" {
  node                                 = "pve1"          #> "pve2" | recreate
  enable                               = true            #> false | live  #> gone | live
  log_level_in                         = "info"          #> "nolog" | live  #> gone | live
  log_level_out                        = "info"          #> "nolog" | live  #> gone | live
  log_level_forward                    = "info"          #> "nolog" | live  #> gone | live
  ndp                                  = true            #> false | live  #> gone | live
  nftables                             = true            #> false | live  #> gone | live
  nosmurfs                             = true            #> false | live  #> gone | live
  smurf_log_level                      = "info"          #> "nolog" | live  #> gone | live
  tcpflags                             = true            #> false | live  #> gone | live
  tcp_flags_log_level                  = "info"          #> "nolog" | live  #> gone | live
  protection_synflood                  = true            #> false | live  #> gone | live
  protection_synflood_rate             = 200             #> 100 | live  #> gone | live
  protection_synflood_burst            = 1000            #> 500 | live  #> gone | live
  log_nf_conntrack                     = true            #> false | live  #> gone | live
  nf_conntrack_allow_invalid           = true            #> false | live  #> gone | live
  nf_conntrack_helpers                 = ["ftp", "tftp"] #> ["ftp"] | live  #> gone | live
  nf_conntrack_max                     = 262144          #> 524288 | live  #> gone | live
  nf_conntrack_tcp_timeout_established = 432000          #> 86400 | live  #> gone | live
  nf_conntrack_tcp_timeout_syn_recv    = 60              #> 30 | live  #> gone | live
}
