cluster "lab" {
  simulator {}
}

user "bot" {
  userid = "bot@pve"
}

token "ci" {
  userid  = user.bot.userid
  tokenid = "ci"
}

pool "games" {
  poolid  = nonsensitive(substr(token.ci.secret, 0, 8))
  comment = "its name is what it is found by"
}

vm "mc" {
  cores  = length(uuid()) > 3 ? 2 : 4
  power  = timestamp() == "" ? "running" : "stopped"
  onboot = timestamp() == "" ? true : false

  disk "scsi0" {
    size    = "${length(timestamp())}GiB"
    storage = "local-lvm"
  }
}

vm "roaming" {
  network "net0" {
    bridge  = "vmbr0"
    address = "dhcp"
  }
}

pool "roaming" {
  poolid  = "roaming"
  comment = "around ${vm.roaming.address}"
}
