cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

tenant "acme" {
  network {
    bridge = "vmbr1"
    vlan   = 40
    cidr   = "10.40.0.0/24"
  }
}

template "debian13" {
  vmid = 9001
}

vm "mc" {
  template = template.debian13
}

vm "mc" {
  template = template.debian13
}

output "a" {
  value = 1
}

output "a" {
  value = 2
}

variable "v" {
  default = 1
}

variable "v" {
  default = 2
}

module "m" {
  source = "./m"
}

module "m" {
  source = "./m"
}

cluster "lab" {
}

check "c" {
  assert {
    condition     = true
    error_message = "x"
  }
}

check "c" {
  assert {
    condition     = true
    error_message = "x"
  }
}
