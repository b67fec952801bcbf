locals {
  a = [1, 2                                     # error: this bracket is never closed
