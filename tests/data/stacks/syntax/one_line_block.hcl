tenant "a" {
  firewall { allow "ssh" { port = 22 } }        # error: a block on one line holds at most one attribute
}
