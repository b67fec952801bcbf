# meanwhile: POST /nodes/pve1/qemu vmid=120 name=theirs description=spawnpoint:v1~stack=another~addr=vm.x~intent=1
# meanwhile: POST /pools poolid=ops

cluster "lab" {
  simulator {}
}

vm "theirs" {
  disk "scsi0" {
    size    = "8GiB"
    storage = "local-lvm"
  }
}

pool "gone" {
  poolid = "gone"
}

pool "first" {
  poolid = "ops"
}

pool "second" {
  poolid = "ops"
}

tenant "acme" {
}

import {
  to = vm.theirs
  id = 120
}

import {
  to = pool.gone
  id = "gone"
}

import {
  to = pool.first
  id = "ops"
}

import {
  to = pool.second
  id = "ops"
}

import {
  to = tenant.acme
  id = "acme"
}

import {
  to = vm.nobody
  id = "121"
}

import {
  to = vm.theirs
  id = "twelve"
}
