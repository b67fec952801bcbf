variable "settings" {
  type = object({
    size  = optional(number, "big")             # error: the default of this attribute does not fit its type: a number is required
    names = optional(list(string), [])
    door  = optional(object({ port = optional(number, 25565) }), { port = true }) # error: the default of this attribute does not fit its type
  })
  default = null
}
