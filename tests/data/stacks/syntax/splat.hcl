locals {
  b = [[1]].*.*                                 # error: `.*` cannot stand inside another `.*` ~ `[*]`
}
