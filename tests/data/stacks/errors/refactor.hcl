vm "new" {
}

moved {                                         # error: `vm.old` cannot become `tenant.new`
  from = vm.old
  to   = tenant.new
}

moved {                                         # error: `moved` needs one address in `to`
  from = vm.old
}

removed {
  from = old                                    # error: `old` is no address
}

import {                                        # error: `import` needs an `id`
  to = vm.new
}

notify "discord" {
  urll = "x"                                    # error: `notify` has no attribute `urll` ~ did you mean `url`?
}
