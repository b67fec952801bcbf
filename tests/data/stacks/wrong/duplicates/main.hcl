cluster "lab" {                                # related: first declared here
  simulator {}
}

template "debian13" {                          # related: first declared here
  vmid = 9000
}

tenant "acme" {
  network {
    bridge = "vmbr1"
    vlan   = 40
    cidr   = "10.40.0.0/24"
  }
}

template "debian13" {                          # error: `template.debian13` is declared twice, expected once
  vmid = 9001
}

vm "mc" {                                      # related: first declared here
  template = template.debian13
}

vm "mc" {                                      # error: `vm.mc` is declared twice, expected once
  template = template.debian13
}

output "a" {                                   # related: first declared here
  value = 1
}

output "a" {                                   # error: `output.a` is declared twice, expected once
  value = 2
}

variable "v" {                                 # related: first declared here
  default = 1
}

variable "v" {                                 # error: `var.v` is declared twice, expected once
  default = 2
}

module "m" {                                   # related: first declared here
  source = "./m"
}

module "m" {                                   # error: `module.m` is declared twice, expected once
  source = "./m"
}

cluster "lab" {                                # error: `cluster.lab` is declared twice, expected once
}

check "c" {                                    # related: first declared here
  assert {
    condition     = true
    error_message = "x"
  }
}

check "c" {                                    # error: `check.c` is declared twice, expected once
  assert {
    condition     = true
    error_message = "x"
  }
}
