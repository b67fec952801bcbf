variable "input" {
}

output "output" {
  value = "${var.input}!"                      # related: `module.b.output.output` refers to `input` here
}
