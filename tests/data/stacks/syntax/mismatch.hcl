locals {
  a = [1, 2}                                    # error: expected `]`, found `}`
}
