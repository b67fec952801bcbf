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
  tags     = ["minecraft", ["paper"], "java"]  # error: wrong value for `tags[1]`: a string is required, found a tuple of 1 elements
  hotplug  = ["disk", "netwrok"]               # error: wrong value for `hotplug[1]`: `netwrok` is not one of `network`, `disk`, `cpu`, `memory`, `usb`, `cloudinit` ~ did you mean `network`?
  extra = {
    smbios = "x"
    vga    = { type = "std" }                  # error: wrong value for `extra["vga"]`: a string is required, found an object
  }
  boot = ["scsi0", null]

  cloud_init {
    dns      = ["10.0.0.1", "10.0.0.300"]      # error: wrong value for `dns[1]`: `10.0.0.300` is not an IP address
    packages = "qemu-guest-agent"              # error: unknown attribute `packages`
  }
  network "net0" {
    address = "10.40.0.300"
  }
  placement {
    nodes = ["pve1", 2, { name = "pve3" }]     # error: wrong value for `nodes[2]`: a string is required, found an object
  }
}
