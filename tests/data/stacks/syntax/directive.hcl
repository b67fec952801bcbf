locals {
  a = <<EOT
%{ if true }                                    # error: the other end of this directive is missing
EOT
  b = <<EOT
%{ endif }
EOT
}
