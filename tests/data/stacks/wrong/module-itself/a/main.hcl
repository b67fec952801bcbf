module "b" {
  source = "../b"                              # error: the module `b` calls itself, expected modules that end somewhere
}
