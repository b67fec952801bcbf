locals {
  # error below: this heredoc is never ended, expected a line with only `EOT`
  script = <<EOT
#!/bin/sh
echo hello
  EOTT
}
