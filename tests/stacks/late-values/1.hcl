cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

user "bot" {
  userid = "bot@pve"
}

token "ci" {
  userid  = user.bot.userid
  tokenid = "ci"
}

locals {
  mark = substr(nonsensitive(sha256(token.ci.secret)), 0, 8)
  id   = uuid()
}

pool "games" {
  poolid  = "games"
  comment = "made with ${local.mark}"
}

vm "mc" {
  template    = template.debian13
  name        = "mc"
  node        = "pve1"
  description = "see ${pool.games.comment}"
  tags        = ["game", local.mark]

  cloud_init {
    user     = "game"
    ssh_keys = ["ssh-ed25519 AAAA ${local.mark}"]
  }
  lifecycle {
    precondition {
      condition     = length(local.mark) == 8
      error_message = "the mark is ${local.mark}"
    }
    postcondition {
      condition     = strcontains(self.description, local.mark)
      error_message = "the description is ${self.description}"
    }
  }
}

group "first" {
  groupid = "first"
  comment = "${local.id} at ${timestamp()}"

  lifecycle {
    ignore_changes = [comment]
  }
}

group "second" {
  groupid = "second"
  comment = group.first.comment
}

output "mark" {
  value = local.mark
}
