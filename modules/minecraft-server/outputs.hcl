output "endpoint" {
  description = "Where players connect."
  value       = game_server.this.endpoint
}

output "vmid" {
  description = "VMID of its machine."
  value       = vm.this.vmid
}
