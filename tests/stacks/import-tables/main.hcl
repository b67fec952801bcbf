# meanwhile: POST /pools poolid=spare comment=by~hand
# meanwhile: POST /pools poolid=ops comment=operated
# meanwhile: PUT /access/acl path=/pool/ops roles=PVEAuditor users=root@pam

cluster "lab" {
  simulator {}
}

locals {
  pools = { spare = "for guests made by hand", ops = "operated" }
}

pool "known" {
  for_each = local.pools
  poolid   = each.key
  comment  = each.value
}

acl "auditor" {
  path    = "/pool/ops"
  role    = "PVEAuditor"
  subject = "root@pam"
}

import {
  for_each = local.pools
  to       = pool.known[each.key]
  id       = each.key
}

import {
  to = acl.auditor
  id = "/pool/ops PVEAuditor root@pam"
}
