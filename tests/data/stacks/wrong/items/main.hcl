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

tier "gold" {
  cores = 16
}

vm "mc" {
  tenant   = tenant.acme
  template = template.debian13
  tags     = ["minecraft", ["paper"], "java"]
  hotplug  = ["disk", "netwrok"]
  extra = {
    smbios = "x"
    vga    = { type = "std" }
  }
  boot = ["scsi0", null]

  cloud_init {
    dns      = ["10.0.0.1", "10.0.0.300"]
    packages = "qemu-guest-agent"
  }
  network "net0" {
    address = "10.40.0.300"
  }
  placement {
    nodes = ["pve1", 2, { name = "pve3" }]
  }
}
