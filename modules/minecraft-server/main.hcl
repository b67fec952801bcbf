# One machine with one Minecraft server on it.

vm "this" {
  name     = var.name
  tenant   = var.tenant
  template = var.template
  cores    = var.cores
  memory   = var.memory
  balloon  = "0B"
  tags     = ["minecraft"]

  disk "scsi0" {
    size = var.disk
  }

  network "net0" {
    address = "auto"
  }
}

game_server "this" {
  vm      = vm.this
  game    = "minecraft-java"
  version = var.version
  expose  = "public"

  settings = merge(var.settings, {
    accept_eula = var.accept_eula
    motd        = lookup(var.settings, "motd", var.name)
  })
}
