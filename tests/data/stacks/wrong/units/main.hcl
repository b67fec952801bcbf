cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

vm "a" {
  template = template.debian13
  memory   = 4096                              # error: wrong value for `memory`: the size `4096` has no unit, write `4096MiB` or `4096GiB`
  balloon  = "2 G"
}

vm "b" {
  template = template.debian13
  memory   = "4gb"                             # error: wrong value for `memory`: `4gb` could mean powers of 1000 or of 1024, write `4GiB` (or `4000000000B` for powers of 1000)
  cores    = 0                                 # error: wrong value for `cores`: 0 is out of range, expected 1 to 8192
}

vm "c" {
  template = template.debian13
  memory   = "lots"                            # error: wrong value for `memory`: `lots` is not a size, expected a number and a unit such as `8GiB`
  cores    = 2.5                               # error: wrong value for `cores`: expected a whole number
  vmid     = 42                                # error: wrong value for `vmid`: 42 is out of range, expected 100 to 999999999
  power    = "runing"                          # error: wrong value for `power`: `runing` is not one of `running`, `stopped`, `ignore` ~ did you mean `running`?
}

vm "d" {
  template = template.debian13
  cores    = -1                                # error: wrong value for `cores`: -1 is out of range, expected 1 to 8192
  onboot   = "yes"                             # error: wrong value for `onboot`: a bool is required, found "yes"
  ostype   = "linux"                           # error: wrong value for `ostype`: `linux` is not one of the words

  disk "scsi0" {
    size = "40"                                # error: wrong value for `size`: the size `40` has no unit, write `40MiB` or `40GiB`
  }
  disk "sda" {
    size = "40GiB"
  }
  timeouts {
    clone = "10 minutes"                       # error: wrong value for `clone`: `10 minutes` is not a duration, expected a number and a unit such as `90s`, `10m` or `2h`
  }
}
