x = 1                                           # error: `x` stands outside of any block

resource "vm" "a" {                             # error: there is no block type `resource` ~ objects have their type as block type
}

vn "a" {                                        # error: there is no block type `vn` ~ did you mean `vm`?
}

vm {                                            # error: `vm` needs a name
}

vm "a" "b" {                                    # error: `vm` takes one label
}

vm "a b" {                                      # error: `a b` is not a name
}

vm "twice" {
}

vm "twice" {                                    # error: `vm.twice` is declared twice
}

locals {
  one = 1
}

locals {
  one = 2                                       # error: `local.one` is declared twice
}

variable "v" {
  typ = string                                  # error: `variable` has no attribute `typ` ~ did you mean `type`?
}

variable "w" {
  type = strin                                  # error: there is no type `strin` ~ did you mean `string`?
}

variable "l" {
  type = list                                   # error: `list` needs to know of what
}

output "o" {                                    # error: `output.o` has no `value`
}

module "m" {                                    # error: `module.m` has no `source`
}

module "r" {
  source = "hashicorp/consul/aws"               # error: `hashicorp/consul/aws` is not a folder
}

module "n" {
  source = "./nowhere"                          # error: there is no folder `nowhere`
}

game_server "h" {
  count    = 1
  for_each = {}                                 # error: a block has either `count` or `for_each`
}

vm "life" {
  lifecycle {
    prevent_destroi = true                      # error: `lifecycle` has no attribute `prevent_destroi` ~ prevent_destroy
    ignore_changes  = name                      # error: `ignore_changes` takes a list, expected `[name]`
  }
}

check "c" {
  asert {                                       # error: `check` has no block `asert` ~ did you mean `assert`?
  }
}

policy "p" {                                    # error: `policy` blocks are not supported yet
}
