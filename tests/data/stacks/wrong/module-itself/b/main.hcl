module "a" {
  source = "../a"                              # related: and this call
}
