tenant "acme" { network { bridge = "vmbr1" } }

variable "size" { type = number, default = 2 }
