# meanwhile: POST /cluster/firewall/rules type=in action=DROP comment=by~hand
# meanwhile: POST /cluster/firewall/groups/game type=in action=ACCEPT proto=tcp dport=8080 enable=1
# meanwhile: PUT /cluster/firewall/groups/game/0 moveto=3
# meanwhile: PUT /cluster/firewall/groups/game/0 moveto=2
cluster "lab" {
  simulator {}
}

firewall "cluster" {
  rule "management" {
    action = "ACCEPT"
    macro  = "SSH"
  }
}

firewall_group "game" {
  group = "game"

  rule "status" {
    action = "ACCEPT"
    proto  = "tcp"
    dport  = "25565"
  }

  rule "rest" {
    action = "DROP"
  }
}
