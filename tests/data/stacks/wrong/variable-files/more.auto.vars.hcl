zones = ["eu"]

variable "x" {
}
