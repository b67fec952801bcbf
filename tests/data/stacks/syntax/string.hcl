vm "a" {
  # error below: this string is not closed
  name = "mc
}
