zones = ["eu"]                                 # error: there is no variable `zones` ~ declare it: `variable "zones" { }`

variable "x" {                                 # error: a file of values has no blocks, found `variable`
}
