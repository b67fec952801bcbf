cluster "lab" {
  simulator {}
}

module "teams" {
  source   = "./team"
  for_each = { red = 1, blue = "two" }
  size     = each.value                         # error: `var.size` takes number: a number is required
}
