locals {
  # error below: this heredoc is never ended, expected a line with only `EOT`
  a = <<-EOT
    text
}
