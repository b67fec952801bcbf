# Minecraft: Java Edition. Settings named like keys of server.properties are written there; the others steer the playbook.

name  = "minecraft-java"
title = "Minecraft: Java Edition"
query = "minecraft-java"
saves = ["world", "world_nether", "world_the_end", "whitelist.json", "ops.json", "banned-players.json", "banned-ips.json", "server.properties"]

port "game" {
  protocol    = "tcp"
  default     = 25565
  description = "Players connect here."
}

port "rcon" {
  protocol    = "tcp"
  default     = 25575
  description = "Remote console, only if the secret `rcon_password` is set. Plain text: keep it inside the tenant's network."
}

sizing {
  cores      = 2
  memory_mib = 4096
  disk_gib   = 20
}

stop {
  console         = ["save-all flush", "stop"]
  timeout_seconds = 180
}

# Paper builds of the STABLE channel, each checksum seen in at least two independent public sources. Any other server (vanilla, Fabric, Forge, a pack) is `artifact_url` + `artifact_sha256`.
version "1.21.8" {
  url      = "https://fill-data.papermc.io/v1/objects/8de7c52c3b02403503d16fac58003f1efef7dd7a0256786843927fa92ee57f1e/paper-1.21.8-60.jar"
  sha256   = "8de7c52c3b02403503d16fac58003f1efef7dd7a0256786843927fa92ee57f1e"
  packages = ["openjdk-21-jre-headless"]
}

version "1.21.10" {
  url      = "https://fill-data.papermc.io/v1/objects/a61a0585e203688f606ca3a649760b8ba71efca01a4af7687db5e41408ee27aa/paper-1.21.10-117.jar"
  sha256   = "a61a0585e203688f606ca3a649760b8ba71efca01a4af7687db5e41408ee27aa"
  packages = ["openjdk-21-jre-headless"]
}

version "1.21.11" {
  url      = "https://fill-data.papermc.io/v1/objects/5ffef465eeeb5f2a3c23a24419d97c51afd7dbb4923ff42df9a3f58bba1ccfba/paper-1.21.11-132.jar"
  sha256   = "5ffef465eeeb5f2a3c23a24419d97c51afd7dbb4923ff42df9a3f58bba1ccfba"
  packages = ["openjdk-21-jre-headless"]
}

setting "accept_eula" {
  type        = bool
  default     = false
  consent     = true
  description = "set `accept_eula = true` if you agree to the Minecraft EULA, https://aka.ms/MinecraftEULA"
}

setting "artifact_url" {
  type        = string
  pattern     = "https?://\\S+"
  description = "Where the guest downloads the server: a jar, or a .zip or .tar.gz of a server pack. Replaces the artifact of `version`."
}

setting "artifact_file" {
  type        = string
  description = "The server as a file on this machine, copied to the guest: for guests without internet. Replaces the artifact of `version`."
}

setting "artifact_sha256" {
  type        = string
  pattern     = "[0-9a-f]{64}"
  description = "SHA-256 of the artifact in 64 lower-case hexadecimal digits: `sha256sum FILE` prints it."
}

setting "start_command" {
  type        = list(string)
  description = "Command that starts the server, for packs with a launcher of their own. {artifact}, {release}, {data}, {port} and {heap_mib} are filled in; {release} is the folder an archive is unpacked to. By default Java runs the artifact."
}

setting "heap_mib" {
  type        = number
  min         = 512
  max         = 262144
  default     = 2560
  description = "Heap of the Java process in MiB. Leave the guest at least a quarter of its memory."
}

setting "jvm_flags" {
  type        = list(string)
  default     = ["-XX:+UseG1GC", "-XX:+ParallelRefProcEnabled", "-XX:MaxGCPauseMillis=200", "-XX:+AlwaysPreTouch"]
  description = "Flags of the Java process besides the heap."
}

setting "motd" {
  type        = string
  length_max  = 256
  default     = "A Minecraft Server"
  file        = "server.properties"
  description = "Text under the name in the server list."
}

setting "max-players" {
  type        = number
  min         = 1
  max         = 2147483647
  default     = 20
  file        = "server.properties"
  description = "Players at the same time."
}

setting "difficulty" {
  type        = string
  values      = ["peaceful", "easy", "normal", "hard"]
  default     = "easy"
  file        = "server.properties"
  description = "How hard the world is."
}

setting "gamemode" {
  type        = string
  values      = ["survival", "creative", "adventure", "spectator"]
  default     = "survival"
  file        = "server.properties"
  description = "Mode new players begin in."
}

setting "hardcore" {
  type        = bool
  file        = "server.properties"
  description = "Death is final and difficulty is hard."
}

setting "pvp" {
  type        = bool
  file        = "server.properties"
  description = "Whether players can hurt each other."
}

setting "online-mode" {
  type        = bool
  default     = true
  file        = "server.properties"
  description = "Whether accounts are checked with Mojang. Without it anybody can be anybody."
}

setting "white-list" {
  type        = bool
  file        = "server.properties"
  description = "Whether only players on the whitelist may join."
}

setting "enforce-whitelist" {
  type        = bool
  file        = "server.properties"
  description = "Whether players who are taken off the whitelist are thrown out at once."
}

setting "view-distance" {
  type        = number
  min         = 3
  max         = 32
  file        = "server.properties"
  description = "How far players see, in chunks. The first thing to lower when the server is slow."
}

setting "simulation-distance" {
  type        = number
  min         = 3
  max         = 32
  file        = "server.properties"
  description = "How far from players the world lives, in chunks."
}

setting "spawn-protection" {
  type        = number
  min         = 0
  max         = 29999984
  file        = "server.properties"
  description = "Radius around the spawn point in which only operators build, in blocks."
}

setting "level-name" {
  type        = string
  pattern     = "[A-Za-z0-9_-]{1,64}"
  default     = "world"
  file        = "server.properties"
  description = "Folder of the world. Another name begins another world."
}

setting "level-seed" {
  type        = string
  length_max  = 128
  file        = "server.properties"
  description = "Seed of a new world."
}

setting "max-tick-time" {
  type        = number
  min         = -1
  file        = "server.properties"
  description = "Milliseconds a tick may take before the watchdog ends the server; -1 for never."
}

setting "pause-when-empty-seconds" {
  type        = number
  min         = -1
  file        = "server.properties"
  description = "Seconds without players after which the world stands still."
}

setting "allow-flight" {
  type        = bool
  file        = "server.properties"
  description = "Whether players who seem to fly are left alone. Many modpacks need it."
}

setting "enable-command-block" {
  type        = bool
  file        = "server.properties"
  description = "Whether command blocks work."
}

setting "hide-online-players" {
  type        = bool
  file        = "server.properties"
  description = "Whether the names of players are kept out of the status answer."
}

setting "resource-pack" {
  type        = string
  file        = "server.properties"
  description = "URL of a resource pack offered to players."
}

setting "resource-pack-sha1" {
  type        = string
  pattern     = "[0-9a-f]{40}"
  file        = "server.properties"
  description = "SHA-1 of the resource pack, which the client checks."
}

secret "rcon_password" {
  description = "Password of the remote console. With it, RCON is on; without it, off."
}
