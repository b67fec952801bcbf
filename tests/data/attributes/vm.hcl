#! firewall: an object of its own, told in tests/stacks/firewall-of-guests
#! template: the lab has one template only
#! vmid: chosen with the guest; another one is another guest
#! node: moving a guest is not planned by this version
#! clone: only told when the guest is made

cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
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

vm "x" {
  tenant      = tenant.acme            #> tenant.umbra | none
  template    = template.debian13
  node        = "pve1"
  pool        = "acme"                 #> pool.spare.poolid | live  #> back | live
  name        = "web"                  #> "lobby" | live
  cores       = 2                      #> 4 | reboot
  sockets     = 1                      #> 2 | reboot  #> gone | reboot
  cpu         = "host"                 #> "x86-64-v3" | reboot  #> gone | reboot
  memory      = "1GiB"                 #> "1536MiB" | reboot
  balloon     = "512MiB"               #> "0B" | reboot  #> gone | reboot
  cpulimit    = 1.5                    #> 2 | live  #> gone | live
  cpuunits    = 200                    #> 300 | live  #> gone | live
  numa        = true                   #> false | reboot
  agent       = true                   #> false | reboot
  ostype      = "l26"                  #> "win11" | reboot
  scsihw      = "virtio-scsi-pci"      #> "virtio-scsi-single" | reboot
  onboot      = true                   #> false | live
  protection  = false                  #> true | live  #> back | live
  description = "one\ntwo"             #> "a=b, c; ä" | live  #> gone | live
  tags        = ["b", "a"]             #> ["c"] | live  #> gone | live
  power       = "running"              #> "stopped" | stop  #> back | live

  disk "scsi0" {
    size     = "8GiB"                  #> "9GiB" | live
    storage  = "shared"                #> "local-lvm" | recreate | vmid, disk["scsi0"].storage
    ssd      = true                    #> false | reboot
    discard  = true                    #> false | reboot
    iothread = true                    #> false | reboot
    cache    = "writeback"             #> "none" | reboot
    backup   = true                    #> false | live
    delete_on_remove = true            #> false | none
  }
  disk "scsi1" {                       #> gone | live  #> back | live
    size    = "1GiB"
    storage = "shared"
  }
  network "net0" {
    bridge   = "vmbr1"                 #> "vmbr0" | live
    vlan     = 40                      #> 41 | live  #> gone | live
    model    = "virtio"                #> "e1000" | live
    mac      = "bc:24:11:0a:0b:0c"     #> "BC:24:11:0A:0B:0D" | live
    firewall = true                    #> false | live
    rate     = 1.5                     #> 10 | live  #> gone | live
    address  = "10.50.0.9/24"          #> "10.50.0.10/24" | live
    gateway  = "10.50.0.1"             #> "10.50.0.2" | live  #> gone | live
  }
  network "net1" {                     #> gone | live  #> back | live
    bridge = "vmbr0"
  }
  cloud_init {
    user          = "game"             #> "kim" | live  #> gone | live
    password      = "secret"           #> "other" | live
    ssh_keys      = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ kim@ws1"]  #> ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK+/ kim@ws2"] | live
    upgrade       = true               #> false | live
    dns           = ["10.40.0.1"]      #> ["9.9.9.9", "10.40.0.1"] | live  #> gone | live
    search_domain = "acme.lan"         #> "umbra.lan" | live  #> gone | live
  }
  placement {
    strategy = "spread"                #> "pack" | none
    nodes    = ["pve1", "pve2"]        #> ["pve1"] | none
  }
  connection {
    user        = "game"               #> "root" | none
    private_key = "~/.ssh/a"           #> "~/.ssh/b" | none
    port        = 22                   #> 2222 | none
    jump        = "a@bastion"          #> "b@bastion:23" | none
  }
  timeouts {
    clone    = "10m"                   #> "11m" | none
    start    = "2m"                    #> "3m" | none
    shutdown = "1m"                    #> "2m" | none
    destroy  = "1m"                    #> "2m" | none
  }
}
