locals {
  a = [for==1]                                  # error: expected the name of a variable after `for`, found `==` ~ [for x in list : x]
}
