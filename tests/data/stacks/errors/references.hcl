variable "size" {
  default = 2
}

locals {
  a = var.sise                                  # error: there is no variable `sise` ~ did you mean `var.size`?
  b = local.nothing                             # error: there is no local value `nothing`
  c = try(var.absent, 1)                        # error: there is no variable `absent`
  d = tenat.acme                                # error: there is nothing called `tenat` ~ did you mean `tenant`?
  e = size                                      # error: there is nothing called `size` ~ did you mean `var.size`?
  f = module.web.address                        # error: there is no module call `web`
  g = each.key                                  # error: `each.key` is only there in a block with `for_each`
  h = data.vm.router                            # error: there is no `data.vm.router` ~ declare it
  i = bare                                      # error: there is nothing called `bare` ~ text goes between quotes
}

tenant "acme" {
  tier  = tier.gold                             # error: there is no tier `gold`
  other = tenant.acne                           # error: there is no tenant `acne` ~ did you mean `tenant.acme`?
  index = count.index                           # error: `count.index` is only there in a block with `count`
}

vm "mc" {
  for_each = { lobby = 1, survival = 2 }
  tenant   = tenant.acme[0]                     # error: `tenant.acme` has neither `count` nor `for_each`, so no instance `[0]`
}

game_server "x" {
  vm         = vm.mc.address                    # error: `vm.mc` has several instances, expected a key before `.address`
  me         = self.port                        # error: `self` is only there in a `postcondition`
  depends_on = [vm.nc, "tenant.acme"]           # error: expected `tenant.acme` without quotes
}

game_server "y" {
  depends_on = [vm.nc]                          # error: there is no vm `nc` ~ did you mean `vm.mc`?
}
