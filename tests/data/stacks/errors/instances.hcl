variable "secret" {
  default   = { a = 1 }
  sensitive = true
}

tenant "acme" {
  cidr = "10.0.0.0/8"
}

vm "mc" {
  for_each = { lobby = 1, survival = 2 }
  tenant   = tenant.acme
}

vm "pair" {
  count = 2
}

game_server "a" {
  vm = vm.mc["loby"]                            # error: `vm.mc` has no instance `["loby"]` ~ did you mean `lobby`?
}

game_server "b" {
  vm = vm.pair[2]                               # error: `vm.pair` has no instance `[2]`
}

game_server "c" {
  for_each = tenant.acme.cidr                   # error: `for_each` depends on `tenant.acme`
}

game_server "d" {
  count = local.behind                          # error: `count` depends on `tenant.acme`
}

game_server "e" {
  for_each = ["a", "b"]                         # error: `for_each` takes a map or a set of texts ~ toset
}

game_server "f" {
  count = -1                                    # error: `count` is -1
}

game_server "g" {
  for_each = var.secret                         # error: `for_each` is sensitive ~ nonsensitive
}


game_server "i" {
  count = null                                  # error: `count` is null
}

game_server "j" {
  dynamic "port" {
    for_each = vm.mc                            # error: `for_each` depends on `vm.mc`
    content {
    }
  }
}

locals {
  behind = tenant.acme.cidr == "" ? 1 : 2
}
