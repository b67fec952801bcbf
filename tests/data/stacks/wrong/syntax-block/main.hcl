vm "mc" {
  cores = 2
  memory "4GiB"                                # error: expected `=` after `memory`, found "4GiB" and the end of the line
}

vm "other" {
  cores: 2                                     # error: expected `=` after `cores`, found `:`
}

vm mc2 {
  cores = 2,                                   # error: unexpected `,`: an attribute ends with its line
  tags = ['a']
}
