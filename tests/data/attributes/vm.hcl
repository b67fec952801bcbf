#! restore: told in tests/it/restore.rs
#! firewall: an object of its own, told in tests/stacks/firewall-of-guests
#! affinity: only the user root@pam itself may set it, and the lab's caller is a token of it
#! hugepages: only the user root@pam itself may set it, and the lab's caller is a token of it
#! keephugepages: only the user root@pam itself may set it, and the lab's caller is a token of it
#! arch: only the user root@pam itself may set it, and the lab's caller is a token of it
#! args: only the user root@pam itself may set it, and the lab's caller is a token of it
#! hookscript: only the user root@pam itself may set it, and the lab's caller is a token of it
#! vmgenid: only the user root@pam itself may set it, and the lab's caller is a token of it
#! ivshmem: only the user root@pam itself may set it, and the lab's caller is a token of it
#! amd-sev: only the user root@pam itself may set it, and the lab's caller is a token of it
#! intel-tdx: only the user root@pam itself may set it, and the lab's caller is a token of it
#! spice_enhancements: only the user root@pam itself may set it, and the lab's caller is a token of it
#! template: the lab has one template only
#! vmid: chosen with the guest; another one is another guest
#! hostpci[].host: devices of the host by address are for root@pam itself
#! serial[].device: devices of the host are for root@pam itself
#! usb[].host: devices of the host are for root@pam itself
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
  node        = "pve1"                 #> "pve2" | live  #> back | live
  pool        = tenant.acme.pool               #> pool.spare.poolid | live  #> back | live
  name        = "web"                  #> "lobby" | live
  cores       = 2                      #> 4 | reboot
  sockets     = 1                      #> 2 | reboot  #> gone | reboot
  memory      = "1GiB"                 #> "1536MiB" | reboot
  balloon     = "512MiB"               #> "0B" | reboot  #> gone | reboot
  cpulimit    = 1.5                    #> 2 | live  #> gone | live
  cpuunits    = 200                    #> 300 | live  #> gone | live
  vcpus       = 2                      #> 1 | reboot  #> gone | reboot
  numa        = true                   #> false | reboot
  shares      = 500                    #> 0 | live  #> gone | live
  allow-ksm   = false                  #> true | reboot
  bios        = "ovmf"                 #> "seabios" | reboot
  boot        = ["scsi0", "net0"]      #> ["net0"] | reboot  #> ["scsi0"] | reboot
  acpi        = false                  #> true | reboot
  kvm         = false                  #> gone | reboot
  tablet      = false                  #> gone | live
  keyboard    = "de"                   #> "fr" | reboot  #> gone | reboot
  localtime   = true                   #> false | reboot
  startdate   = "2026-06-17"           #> "now" | reboot
  reboot      = false                  #> true | reboot
  vmstatestorage   = "shared"          #> "local-lvm" | live  #> gone | live
  migrate_downtime = 0.5               #> 1 | live  #> gone | live
  migrate_speed    = 100               #> 200 | live  #> gone | live
  extra            = { tdf = "1" }     #> { tdf = "0" } | reboot | extra["tdf"]  #> gone | reboot | extra["tdf"]
  ostype      = "l26"                  #> "win11" | reboot
  scsihw      = "virtio-scsi-pci"      #> "virtio-scsi-single" | reboot
  onboot      = true                   #> false | live
  protection  = false                  #> true | live  #> back | live
  description = "one\ntwo"             #> "a=b, c; ä" | live  #> gone | live
  tags        = ["b", "a"]             #> ["c"] | live  #> gone | live
  hotplug     = ["disk", "network", "usb", "cloudinit"]  #> ["disk", "network"] | live  #> gone | live
  power       = "running"              #> "stopped" | stop  #> back | live

  disk "scsi0" {
    size     = "8GiB"                  #> "9GiB" | live
    storage  = "shared"
    ssd      = true                    #> false | reboot
    aio      = "threads"               #> "native" | reboot  #> gone | reboot
    replicate = false                  #> true | live
    shared   = true                    #> false | live
    ro       = true                    #> false | reboot
    snapshot = true                    #> false | reboot
    detect_zeroes = true               #> false | reboot
    queues   = 2                       #> 4 | reboot  #> gone | reboot
    rerror   = "stop"                  #> "report" | reboot
    werror   = "stop"                  #> "enospc" | reboot
    serial   = "a b,c"                 #> "d" | reboot  #> gone | reboot
    vendor   = "acme"                  #> "umbra" | reboot
    product  = "disk"                  #> "drive" | reboot
    wwn      = "0x5000c500a1b2c3d4"    #> "0x5000c500a1b2c3d5" | reboot
    scsiblock = true                   #> false | reboot
    mbps = 10 #> 20 | live  #> gone | live
    mbps_rd = 10 #> 20 | live  #> gone | live
    mbps_wr = 10 #> 20 | live  #> gone | live
    mbps_max = 10 #> 20 | live  #> gone | live
    mbps_rd_max = 10 #> 20 | live  #> gone | live
    mbps_wr_max = 10 #> 20 | live  #> gone | live
    iops = 10 #> 20 | live  #> gone | live
    iops_rd = 10 #> 20 | live  #> gone | live
    iops_wr = 10 #> 20 | live  #> gone | live
    iops_max = 10 #> 20 | live  #> gone | live
    iops_rd_max = 10 #> 20 | live  #> gone | live
    iops_wr_max = 10 #> 20 | live  #> gone | live
    bps_max_length = 10 #> 20 | live  #> gone | live
    bps_rd_max_length = 10 #> 20 | live  #> gone | live
    bps_wr_max_length = 10 #> 20 | live  #> gone | live
    iops_max_length = 10 #> 20 | live  #> gone | live
    iops_rd_max_length = 10 #> 20 | live  #> gone | live
    iops_wr_max_length = 10 #> 20 | live  #> gone | live
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
  disk "ide0" {                        #> gone | reboot  #> back | reboot
    size    = "1GiB"
    storage = "shared"
    model   = "QM, 1"                  #> "QM" | reboot
  }
  cdrom "ide1" {                       #> gone | reboot  #> back | reboot
    file = "none"                      #> "local:iso/debian-13.1.0-amd64-netinst.iso" | live  #> gone | live
  }
  efidisk0 {
    storage           = "shared"
    efitype           = "4m"           #> "2m" | reboot
    pre-enrolled-keys = true           #> false | reboot
    ms-cert           = "2011"         #> "2023" | reboot
  }
  tpmstate0 {
    storage = "shared"
    version = "v1.2"                   #> "v2.0" | reboot
  }
  cpu {
    cputype         = "host"           #> "x86-64-v3" | reboot  #> gone | reboot
    flags           = ["+aes"]         #> ["+aes", "-pcid"] | reboot  #> gone | reboot
    hidden          = true             #> false | reboot
    hv-vendor-id    = "acme"           #> "umbra" | reboot
    phys-bits       = "host"           #> "40" | reboot
    guest-phys-bits = 40               #> 41 | reboot
    reported-model  = "kvm64"          #> "qemu64" | reboot
  }
  agent {
    enabled             = true         #> false | reboot
    type                = "isa"        #> "virtio" | reboot
    fstrim_cloned_disks = true         #> false | live
    freeze-fs           = false        #> true | reboot
  }
  machine {
    type      = "q35"                  #> "pc" | reboot
    viommu    = "intel"                #> "virtio" | reboot  #> gone | reboot
    aw-bits   = 48                     #> 39 | reboot
    enable-s3 = true                   #> false | reboot
    enable-s4 = true                   #> false | reboot
  }
  vga {
    type      = "std"                  #> "virtio" | reboot  #> gone | reboot
    memory    = 32                     #> 64 | reboot  #> gone | reboot
    clipboard = "vnc"                  #> gone | reboot
  }
  startup {
    order = 1                          #> 2 | live  #> gone | live
    up    = 30                         #> 40 | live  #> gone | live
    down  = 30                         #> 40 | live
  }
  watchdog {
    model  = "i6300esb"                #> "ib700" | reboot
    action = "reset"                   #> "poweroff" | reboot  #> gone | reboot
  }
  rng0 {
    source    = "/dev/urandom"         #> "/dev/random" | reboot
    max_bytes = 2048                   #> 4096 | reboot  #> gone | reboot
    period    = 2000                   #> 3000 | reboot  #> gone | reboot
  }
  audio0 {
    device = "AC97"                    #> "intel-hda" | reboot
    driver = "none"                    #> "spice" | reboot
  }
  smbios1 {
    uuid         = "5f1c3a52-0000-4000-8000-000000000001"  #> "5f1c3a52-0000-4000-8000-000000000002" | reboot
    manufacturer = "Acme, Ltd."        #> "Umbra" | reboot  #> gone | reboot
    product      = "a"                 #> "b" | reboot
    version      = "1"                 #> "2" | reboot
    serial       = "a=b"               #> "c" | reboot
    sku          = "1"                 #> "2" | reboot
    family       = "x"                 #> "y" | reboot
  }
  cicustom {
    user    = "local:snippets/a.yml"   #> "local:snippets/b.yml" | live  #> gone | live
    network = "local:snippets/a.yml"   #> "local:snippets/b.yml" | live
    meta    = "local:snippets/a.yml"   #> "local:snippets/b.yml" | live
    vendor  = "local:snippets/a.yml"   #> "local:snippets/b.yml" | live
  }
  numa_node "numa0" {
    cpus      = ["0-1"]                #> ["0", "1"] | reboot
    memory    = 1024                   #> 512 | reboot
    hostnodes = ["0"]                  #> ["0-1"] | reboot  #> gone | reboot
    policy    = "bind"                 #> "preferred" | reboot
  }
  numa_node "numa1" {                  #> gone | reboot  #> back | reboot
    cpus = ["1"]
  }
  serial "serial0" {                   #> gone | reboot  #> back | reboot
    device = "socket"
  }
  usb "usb0" {                         #> gone | live  #> back | live
    host = "spice"
    usb3 = true                        #> false | live
  }
  usb "usb1" {
    mapping = "stick"                  #> "key" | live
  }
  hostpci "hostpci0" {                 #> gone | reboot  #> back | reboot
    mapping       = "card"             #> "other" | reboot
    pcie          = true               #> false | reboot
    rombar        = false              #> true | reboot
    romfile       = "a.rom"            #> "b.rom" | reboot
    x-vga         = true               #> false | reboot
    legacy-igd    = true               #> false | reboot
    mdev          = "nvidia-63"        #> "nvidia-64" | reboot
    device-id     = "0x1234"           #> "0x1235" | reboot
    vendor-id     = "0x1234"           #> "0x1235" | reboot
    sub-device-id = "0x1234"           #> "0x1235" | reboot
    sub-vendor-id = "0x1234"           #> "0x1235" | reboot
    driver        = "keep"             #> "vfio" | reboot
  }
  virtiofs "virtiofs0" {               #> gone | reboot  #> back | reboot
    dirid        = "maps"              #> "other" | reboot
    cache        = "always"            #> "never" | reboot  #> gone | reboot
    direct-io    = true                #> false | reboot
    expose-xattr = true                #> false | reboot
    expose-acl   = true                #> false | reboot
  }
  network "net0" {
    bridge   = "vmbr1"                 #> "vmbr0" | live
    vlan     = 40                      #> 41 | live  #> gone | live
    model    = "virtio"                #> "e1000" | live
    mac      = "bc:24:11:0a:0b:0c"     #> "BC:24:11:0A:0B:0D" | live
    firewall = true                    #> false | live
    rate     = 1.5                     #> 10 | live  #> gone | live
    queues   = 2                       #> 4 | live  #> gone | live
    mtu      = 1400                    #> 1 | live  #> gone | live
    link_down = true                   #> false | live
    trunks   = ["10", "20-29"]         #> ["10"] | live  #> gone | live
    host-tunnel = true                 #> false | live
    address6 = "fd00::9/64"            #> "fd00::10/64" | live
    gateway6 = "fd00::1"               #> "fd00::2" | live  #> gone | live
    address  = "10.50.0.9/24"          #> "10.50.0.10/24" | live
    gateway  = "10.50.0.1"             #> "10.50.0.2" | live  #> gone | live
  }
  network "net1" {                     #> gone | live  #> back | live
    bridge = "vmbr0"
  }
  cloud_init {
    user          = "game"             #> "kim" | live  #> gone | live
    type          = "nocloud"          #> "configdrive2" | live  #> gone | live
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
    move     = "1h"                    #> "2h" | none
    destroy  = "1m"                    #> "2m" | none
  }
}
