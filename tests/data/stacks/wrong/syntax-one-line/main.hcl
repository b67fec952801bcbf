tenant "acme" { network { bridge = "vmbr1" } } # error: a block on one line holds at most one attribute and no block, expected one item per line

variable "size" { type = number, default = 2 } # error: a block on one line holds at most one attribute and no block, expected one item per line
