locals {
  a =                                           # error: a value is missing after `=`
}
