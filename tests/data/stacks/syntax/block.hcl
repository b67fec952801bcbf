vm "a" {                                        # error: this block is never closed
  name = "x"

vm "b" {
}
