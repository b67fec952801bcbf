// Drives the simulator with proxmox-api (npm), a client library that knows nothing of us: it logs in with a password, so its calls go by
// ticket and CSRF token. Certificates are verified (NODE_EXTRA_CA_CERTS).
//
// Needs SPAWNPOINT_ENDPOINT (host:port), SPAWNPOINT_USER, SPAWNPOINT_PASSWORD, and SPAWNPOINT_MODULES: the folder with node_modules.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const { default: proxmoxApi } = createRequire(`${process.env.SPAWNPOINT_MODULES}/`)("proxmox-api");

const [host, port] = process.env.SPAWNPOINT_ENDPOINT.split(":");
const proxmox = proxmoxApi({
  host,
  port: Number(port),
  username: process.env.SPAWNPOINT_USER,
  password: process.env.SPAWNPOINT_PASSWORD,
});
const node = proxmox.nodes.$("pve1");

// Polls a task until it stopped; virtual time passes with each poll.
async function finish(upid) {
  const task = proxmox.nodes.$(upid.split(":")[1]).tasks.$(upid);
  for (let poll = 0; poll < 200; poll += 1) {
    const status = await task.status.$get();
    if (status.status === "stopped") {
      assert.equal(status.exitstatus, "OK", JSON.stringify(status));
      return;
    }
  }
  throw new Error(`${upid} did not end`);
}

const nodes = await proxmox.nodes.$get();
assert.deepEqual(nodes.map((each) => each.node).sort(), ["pve1", "pve2", "pve3"]);

await proxmox.pools.$post({ poolid: "team", comment: "by proxmox-api" });
await finish(await node.qemu.$(9000).clone.$post({ newid: 401, name: "copy", pool: "team" }));
const guest = node.qemu.$(401);
await guest.config.$put({ cores: 4, onboot: true, tags: "b;a" });
const config = await guest.config.$get();
assert.deepEqual([config.cores, config.onboot, config.tags], [4, 1, "a;b"]);

await finish(await guest.snapshot.$post({ snapname: "before", description: "by proxmox-api" }));
await guest.config.$put({ cores: 8 });
await finish(await guest.snapshot.$("before").rollback.$post());
assert.equal((await guest.config.$get()).cores, 4);
await finish(await guest.snapshot.$("before").$delete());

await finish(await guest.status.start.$post());
assert.equal((await guest.status.current.$get()).status, "running");
await finish(await guest.status.stop.$post());

await finish(
  await node.lxc.$post({
    vmid: 402,
    hostname: "ct",
    ostemplate: "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst",
    rootfs: "local-lvm:2",
    memory: 256,
    pool: "team",
  }),
);
assert.equal((await node.lxc.$(402).config.$get()).hostname, "ct");
const members = (await proxmox.pools.$("team").$get()).members.map((member) => member.vmid);
assert.deepEqual(members.sort(), [401, 402]);

await finish(await node.lxc.$(402).$delete({ purge: true }));
await finish(await guest.$delete({ purge: true }));
await proxmox.pools.$("team").$delete();
await assert.rejects(guest.config.$get(), /401.conf' does not exist/);
process.stdout.write("ok\n");
process.exit(0);
