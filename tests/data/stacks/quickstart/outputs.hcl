output "endpoints" {
  description = "Where players connect"
  value = {
    lobby    = game_server.lobby.endpoint
    survival = game_server.survival.endpoint
  }
}

output "addresses" {
  value = { for name, machine in vm.mc : name => machine.address }
}

output "arenas" {
  value = module.arena.addresses
}
