vm "mc" {
}

tenant "a" {
  firewall {
    dynamic "allow" {
      for_each = vm.mc.ports                    # error: `for_each` depends on `vm.mc`
      content {
      }
    }
  }
}
