locals {
  empty  = []                                  # related: `local.empty` comes from here
  sizes  = { small = 2 }                       # related: `local.sizes` comes from here
  a      = lookup(local.sizes, "large")        # error: `lookup` failed: there is no key `large` ~ local.sizes is { small = 2 }
  b      = element(local.empty, 0)             # error: `element` failed: an empty list has no items ~ local.empty is []
  c      = element(["a"], "first")             # error: argument `index` of `element` is wrong: a number is required
  d      = toset("a")                          # error: argument `value` of `toset` is wrong: a set is required, and `a` does not convert
  e      = join(["a"], ",")                    # error: argument `separator` of `join` is wrong: a string is required # error: argument `lists` of `join` is wrong: a list of string is required
  f      = formt("%d", 1)                      # error: there is no function `formt` ~ did you mean `format`?
  g      = format("%d", "x")                   # error: `format` failed: `%d` at 0 cannot take this value: a number is required
  h      = file("missing.txt")                 # error: argument `path` of `file` is wrong: `missing.txt` cannot be read: No such file or directory (os error 2)
  i      = templatefile("missing.tftpl", {})   # error: argument `path` of `templatefile` is wrong: `missing.tftpl` cannot be read: No such file or directory (os error 2)
  j      = jsondecode("{a: 1}")                # error: argument `text` of `jsondecode` is wrong: it is not JSON: key must be a string at line 1 column 2
  k      = cidrsubnet("10.0.0.0/24", 16, 0)    # error: argument `newbits` of `cidrsubnet` is wrong: a prefix of 24 bits cannot become 16 bits longer: addresses have 32 bits
  l      = cidrhost("10.0.0.0/33", 1)          # error: argument `prefix` of `cidrhost` is wrong: `10.0.0.0/33` is not a network such as `10.40.0.0/24`
  m      = regex("[", "a")                     # error: argument `pattern` of `regex` is wrong: the regular expression is wrong: unclosed character class
  n      = tonumber("one")                     # error: argument `value` of `tonumber` is wrong: a number is required, and `one` does not convert
  o      = zipmap(["a"], [1, 2])               # error: `zipmap` failed: there are 1 keys and 2 values; there must be as many
  p      = max()                               # error: `max` failed: at least one number is required
  q      = slice(["a"], 0, 5)                  # error: argument `end` of `slice` is wrong: 5 is past the end: there are 1 items
  r      = merge({ a = 1 }, "b")               # error: argument `maps` of `merge` is wrong: a map or object is required, not a string
  s      = one(["a", "b"])                     # error: argument `list` of `one` is wrong: a list, set or tuple of at most one item is required, and it has 2
  t      = coalesce(null, "")                  # error: `coalesce` failed: all arguments are null or empty text
  u      = index(["a"], "b")                   # error: `index` failed: the value is not in the list
  v      = parseint("zz", 10)                  # error: argument `number` of `parseint` is wrong: `zz` is not a whole number in base 10
  w      = list("a", "b")                      # error: there is no function `list` ~ write `["a", "b"]`
  x      = strlen("a")                         # error: there is no function `strlen` ~ write `length(text)`
}
