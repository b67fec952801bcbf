vm "mc" {
  cores = 2
  memory "4GiB"
}

vm "other" {
  cores: 2
}

vm mc2 {
  cores = 2,
  tags = ['a']
}
