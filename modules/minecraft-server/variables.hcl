variable "name" {
  type        = string
  description = "Name of the server and of its machine: a host name."
}

variable "tenant" {
  type        = tenant
  description = "The tenant it belongs to."
}

variable "template" {
  type        = template
  description = "The template its machine is cloned from."
}

variable "version" {
  type        = string
  default     = "1.21.8"
  description = "Version of Minecraft: Java Edition."
}

variable "cores" {
  type    = number
  default = 2
}

variable "memory" {
  type    = string
  default = "4GiB"
}

variable "disk" {
  type    = string
  default = "20GiB"
}

variable "accept_eula" {
  type        = bool
  description = "Whether you agree to the Minecraft EULA, https://aka.ms/MinecraftEULA."
}

variable "settings" {
  type        = any
  default     = {}
  description = "Settings of the server, as in playbooks/minecraft-java."
}
