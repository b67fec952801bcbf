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
