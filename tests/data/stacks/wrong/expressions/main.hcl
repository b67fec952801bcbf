cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

locals {
  sizes = { small = 2, large = 8 }
  list  = [1, 2, 3]
  a     = local.sizes.medium                    # error: there is no attribute `medium` here
  b     = local.list[3]                         # error: there is no item 3: there are 3 items, counted from 0
  c     = "x" + 1                               # error: operand is a string: a number is required
  d     = uper("x")                             # error: there is no function `uper` ~ did you mean `upper`
  e     = upper("x", "y")                       # error: `upper` takes 1 argument, not 2
  f     = join(",")                             # error: `join` failed: at least one list is required
  g     = 1 / 0                                 # error: division by zero
}
