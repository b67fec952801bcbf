#! rule[].action: told in firewall_group.hcl
#! rule[].comment: told in firewall_group.hcl
#! rule[].dest: told in firewall_group.hcl
#! rule[].dport: told in firewall_group.hcl
#! rule[].enable: told in firewall_group.hcl
#! rule[].icmp_type: told in firewall_group.hcl
#! rule[].log: told in firewall_group.hcl
#! rule[].macro: told in firewall_group.hcl
#! rule[].proto: told in firewall_group.hcl
#! rule[].sport: told in firewall_group.hcl
#! rule[].type: told in firewall_group.hcl
#! vm: told in tests/stacks/firewall-of-guests
#! container: told in tests/stacks/firewall-of-containers
#! vmid: it follows from the guest
#! guest_node: it follows from the guest
#! order: it follows from the rules
#! unmanaged_rules: a stranger has to add one, as in tests/stacks/firewall-stranger

cluster "lab" {
  simulator {}
}

firewall "x" {
  exclusive      = false                   #> true | live  #> gone | live
  enable         = true                    #> false | live  #> gone | live
  policy_in      = "DROP"                  #> "ACCEPT" | live  #> gone | live
  policy_out     = "ACCEPT"                #> "REJECT" | live  #> gone | live
  policy_forward = "ACCEPT"                #> "DROP" | live  #> gone | live
  ebtables       = true                    #> false | live  #> gone | live
  log_ratelimit  = "enable=1,burst=10"     #> "enable=0" | live  #> gone | live

  rule "management" {                      #> gone | live | order, rule["management"]  #> back | live | order, rule["management"]
    action = "ACCEPT"
    source = "198.51.100.0/24"             #> "203.0.113.0/24" | live
    macro  = "SSH"
  }
}
