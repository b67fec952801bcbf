data "node" "a" {
  name = data.node.b.name
}

data "node" "b" {
  name = data.node.a.name                     # error: `data.node.a` depends on itself: data.node.a -> data.node.b -> data.node.a
}
