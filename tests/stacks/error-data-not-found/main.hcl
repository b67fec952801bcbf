cluster "lab" {
  simulator {}
}

data "vm" "router" {
  name = "ruoter"
}

data "vm" "template" {
  vmid = 9000
}

data "vm" "nothing" {
}

data "template" "debian" {
  name = "debian-12"
}

data "node" "first" {
  name = "pve"
}

data "storage" "shared" {
  name = "sharde"
}

data "storage" "elsewhere" {
  name = "local"
  node = "pve9"
}

data "pool" "acme" {
  poolid = "acme"
}

data "vms" "nowhere" {
  node = "pve7"
}

data "node" "small" {
  name = "pve1"

  lifecycle {
    precondition {
      condition     = data.version.here.major >= 10
      error_message = "Proxmox VE ${data.version.here.version} is too old."
    }
    postcondition {
      condition     = self.cores > 64
      error_message = "${self.name} has ${self.cores} cores."
    }
  }
}

data "node" "smaller" {
  name = "pve2"

  lifecycle {
    postcondition {
      condition     = self.cores > 64
      error_message = "${self.name} has ${self.cores} cores."
    }
  }
}

data "version" "here" {
}
