#! restore: told in tests/it/restore.rs
#! firewall: an object of its own, told in firewall-container.hcl and tests/stacks/firewall-of-containers
#! ostemplate: the lab has one archive only
#! vmid: chosen with the container; another one is another container
#! ostype: what the archive holds; another one would not start
#! extra: there is no key of a container that this version does not know
#! arch: the archive is for one architecture only
#! hookscript: only the user root@pam itself may set it, and the lab's caller is a token of it
#! device: only the user root@pam itself may set it, and the lab's caller is a token of it
#! device[]: only the user root@pam itself may set it, and the lab's caller is a token of it
#! mount[].volume: only the user root@pam itself may mount folders of the node
#! features.fuse: only the user root@pam itself may set it, and the lab's caller is a token of it
#! features.keyctl: only the user root@pam itself may set it, and the lab's caller is a token of it
#! features.mknod: only the user root@pam itself may set it, and the lab's caller is a token of it
#! features.force_rw_sys: only the user root@pam itself may set it, and the lab's caller is a token of it
#! features.mount: only the user root@pam itself may set it, and the lab's caller is a token of it

cluster "lab" {
  simulator {}
}

tenant "acme" {
  network {
    bridge = "vmbr1"
    cidr   = "10.40.0.0/24"
  }
}

tenant "umbra" {
  network {
    bridge = "vmbr1"
    cidr   = "10.41.0.0/24"
  }
}

pool "spare" {
  poolid = "spare"
}

container "x" {
  tenant        = tenant.acme          #> tenant.umbra | none
  ostemplate    = "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst"
  node          = "pve1"               #> "pve2" | reboot  #> back | reboot
  pool          = tenant.acme.pool     #> pool.spare.poolid | live  #> back | live
  name          = "web"                #> "lobby" | live
  cores         = 2                    #> 4 | live  #> gone | live
  cpulimit      = 1.5                  #> 2 | live  #> gone | live
  cpuunits      = 200                  #> 300 | live  #> gone | live
  memory        = "1GiB"               #> "1536MiB" | live  #> gone | live
  swap          = "1GiB"               #> "0B" | live  #> gone | live
  unprivileged  = true                 #> false | recreate | vmid, unprivileged
  cmode         = "shell"              #> "console" | reboot  #> gone | reboot
  console       = false                #> gone | reboot
  tty           = 3                    #> 4 | reboot  #> gone | reboot
  debug         = true                 #> gone | reboot
  timezone      = "host"               #> "Europe/Berlin" | reboot  #> gone | reboot
  entrypoint    = "/bin/a"             #> "/bin/b" | reboot  #> gone | reboot
  env           = { A = "1" }          #> { A = "2" } | reboot | env["A"]  #> { A = "2", B = "x y" } | reboot | env["B"]  #> gone | reboot | env["A"], env["B"]
  onboot        = true                 #> false | live
  protection    = false                #> true | live  #> back | live
  dns           = ["10.40.0.1"]        #> ["9.9.9.9", "10.40.0.1"] | reboot  #> gone | reboot
  search_domain = "acme.lan"           #> "umbra.lan" | reboot  #> gone | reboot
  password      = "secret"             #> "other" | none
  ssh_keys      = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGkqh6Nn1nTgSB1J9sQ6J9ZcQ0h4d5pUxjJvWwIYdGfM a"]  #> gone | none
  description   = "one\ntwo"           #> "a=b, c; ä" | live  #> gone | live
  tags          = ["b", "a"]           #> ["c"] | live  #> gone | live
  power         = "running"            #> "stopped" | stop  #> back | live

  rootfs {
    storage      = "shared"            #> "local-lvm" | reboot  #> back | reboot
    size         = "8GiB"              #> "9GiB" | live
    mountoptions = ["noatime", "discard"]  #> ["discard"] | reboot  #> gone | reboot
    acl          = true                #> false | reboot
    quota        = true                #> false | reboot
    ro           = true                #> false | reboot
    replicate    = false               #> true | reboot
    shared       = true                #> false | reboot
    idmap        = "u:0:100000:65536"  #> "passthrough" | reboot
  }
  mount "mp0" {                        #> gone | reboot  #> back | live
    storage      = "shared"            #> "local-lvm" | reboot  #> back | reboot
    size         = "1GiB"              #> "2GiB" | live
    mp           = "/srv"              #> "/data" | reboot
    backup       = true                #> false | reboot
    keepattrs    = true                #> false | reboot
    mountoptions = ["noatime"]         #> ["discard"] | reboot
    acl          = true                #> false | reboot
    quota        = true                #> false | reboot
    ro           = true                #> false | reboot
    replicate    = false               #> true | reboot
    shared       = true                #> false | reboot
    idmap        = "u:0:100000:65536"  #> "passthrough" | reboot
  }
  network "net0" {
    name         = "lan0"              #> gone | live
    bridge       = "vmbr1"             #> "vmbr0" | live
    vlan         = 40                  #> 41 | live  #> gone | live
    mac          = "bc:24:11:0a:0b:0c" #> "BC:24:11:0A:0B:0D" | live
    firewall     = true                #> false | live
    rate         = 1.5                 #> 10 | live  #> gone | live
    mtu          = 1400                #> 1500 | live  #> gone | live
    link_down    = true                #> false | live
    trunks       = ["10", "20"]        #> ["10"] | live  #> gone | live
    host-managed = true                #> false | live
    address      = "10.50.0.9/24"      #> "10.50.0.10/24" | live
    gateway      = "10.50.0.1"         #> "10.50.0.2" | live  #> gone | live
    address6     = "fd00::9/64"        #> "fd00::10/64" | live
    gateway6     = "fd00::1"           #> "fd00::2" | live  #> gone | live
  }
  network "net1" {                     #> gone | live  #> back | live
    bridge = "vmbr0"
  }
  features {
    nesting = true                     #> false | reboot
  }
  startup {
    order = 1                          #> 2 | live  #> gone | live
    up    = 30                         #> 40 | live  #> gone | live
    down  = 30                         #> 40 | live
  }
  placement {
    strategy = "spread"                #> "pack" | none
    nodes    = ["pve1", "pve2"]        #> ["pve1"] | none
  }
  timeouts {
    clone    = "10m"                   #> "11m" | none
    start    = "2m"                    #> "3m" | none
    shutdown = "1m"                    #> "2m" | none
    move     = "1h"                    #> "2h" | none
    destroy  = "1m"                    #> "2m" | none
  }
}
