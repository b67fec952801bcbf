locals {
  sizes = { small = 2, large = 8 }             # related: `local.sizes` comes from here
  list  = ["a", "b"]                           # related: `local.list` comes from here
  none  = null                                 # related: `local.none` comes from here
  a     = "2" + "two"                          # error: operand is a string: a number is required
  b     = 1 / 0                                # error: division by zero
  c     = !"no"                                # error: operand is a string: a bool is required
  d     = local.list + ["c"]                   # error: operand is a tuple of 2 elements: a number is required ~ local.list is ["a", "b"] # error: operand is a tuple of 1 elements: a number is required
  e     = "name" && true                       # error: operand is a string: a bool is required
  f     = 1 < "x"                              # error: operand is a string: a number is required
  g     = local.none.name                      # error: null has no attribute `name` ~ local.none is null
  h     = "${local.list}"
  i     = "${local.none}-x"                    # error: null cannot be part of text ~ local.none is null
  j     = local.list.name                      # error: a tuple of 2 elements has no attribute `name` ~ local.list is ["a", "b"]
  k     = local.list["first"]                  # error: this is not an index: a number is required ~ local.list is ["a", "b"]
  l     = local.list[2]                        # error: there is no item 2: there are 2 items, counted from 0 ~ local.list is ["a", "b"]
  m     = local.list[-1]                       # error: index -1 is negative; items are counted from 0 ~ local.list is ["a", "b"]
  n     = local.sizes["medium"]                # error: there is no attribute `medium` here ~ there are `large`, `small` ~ local.sizes is { large = 8, small = 2 }
  o     = true ? 1 : { a = 1 }                 # error: the two results of a condition must be of one type, not a number and an object
  p     = "x" ? 1 : 2                          # error: condition is wrong: a bool is required
  q     = [for size in local.sizes : size.cores] # error: a number has no attribute `cores` ~ size is 8
  r     = { for item in ["a", "a"] : item => 1 } # error: two items have the key `a`; keys of an object must be different ~ write `...` after the value to group items by key ~ item is "a"
  s     = [for item in 5 : item]               # error: a number has no items to go through; a list, set, map or object is required
  t     = local.sizes.*.name                   # error: there is no attribute `name` here ~ there are `large`, `small`
}
