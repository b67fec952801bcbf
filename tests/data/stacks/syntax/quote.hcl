locals {
  a = ["%{ if true }x", "y%{ endif }"]          # error: the other end of this directive is missing ~ `%{ endif }`
}
