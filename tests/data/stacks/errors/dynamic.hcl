tenant "a" {
  dynamic {                                     # error: `dynamic` needs the kind of block as its label
  }
  dynamic "allow" {                             # error: `dynamic` needs one `content` block
    for_each = {}
  }
  dynamic "allow" {                             # error: `dynamic` needs `for_each`
    content {
    }
  }
  dynamic "allow" {
    for_each = 5                                # error: `for_each` takes a collection, found number
    content {
    }
  }
  dynamic "allow" {
    for_each = [1]
    iterator = rule
    labels   = [rule.key]
    content {
      port = rule.value
    }
  }
}
