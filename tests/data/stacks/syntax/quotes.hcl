vm "a" {
  name = 'mc'                                   # error: text goes between double quotes
}
