variable "input" {
}

output "output" {
  value = var.input                            # error: `module.a.var.input` depends on itself: module.a.var.input -> module.b.output.output -> module.b.var.input -> module.a.output.output -> module.a.var.input
}
