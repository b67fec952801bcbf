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
    cidr   = "10.40.0.0/33"                     # error: wrong value for `cidr`: `10.40.0.0/33` is not a network, expected e.g. `10.40.0.0/24`
  }
}

vm "a" {
  template = template.debian13
  coers    = 2                                  # error: unknown attribute `coers` ~ did you mean `cores`
  cores    = "two"                              # error: wrong value for `cores`: a number is required
  memory   = "4GB"                              # error: wrong value for `memory`: `4GB` could mean powers of 1000 or of 1024, write `4GiB` (or `4000000000B` for powers of 1000)
  tags     = "minecraft"                        # error: wrong value for `tags`: expected a list, found string
  power    = "on"                               # error: wrong value for `power`: `on` is not one of `running`, `stopped`, `ignore`
  onboot   = "perhaps"                          # error: wrong value for `onboot`: a bool is required
  name     = "not a name"                       # error: wrong value for `name`: `not a name` is not a host name, expected at most 63 letters, digits and inner dashes
}

vm "b" {
  template = "debian13"                         # error: wrong value for `template`: expected the object of a `template` block
  tenant   = template.debian13                  # error: wrong value for `tenant`: expected a `tenant`, found `template.debian13`
}

vm "c" {
  cores = 2
  rng0 {                                        # error: missing attribute `source`
    period = 10
  }
}

vm "d" {
  template = template.debian13

  disk {                                        # error: `disk` has no label
    size = "4GiB"
  }
  disk "scsi0" {
    siz = "4GiB"                                # error: unknown attribute `siz` ~ did you mean `size`
  }
  netwrk "net0" {                               # error: unknown block `netwrk` ~ did you mean `network`
  }
  network "net0" {
    adress = "dhcp"                             # error: unknown attribute `adress` ~ did you mean `address`
  }
}
