"""Drives the simulator with proxmoxer, a client library that knows nothing of us. Certificate verification is on.

Needs `pip install proxmoxer requests` and three variables: SPAWNPOINT_ENDPOINT (host:port), SPAWNPOINT_CA (file),
SPAWNPOINT_TOKEN (USER@REALM!ID=SECRET).
"""

import os
import sys

from proxmoxer import ProxmoxAPI, ResourceException


def connect():
    host, port = os.environ["SPAWNPOINT_ENDPOINT"].rsplit(":", 1)
    identity, secret = os.environ["SPAWNPOINT_TOKEN"].split("=", 1)
    user, token_name = identity.split("!", 1)
    return ProxmoxAPI(
        host, port=int(port), user=user, token_name=token_name, token_value=secret, verify_ssl=os.environ["SPAWNPOINT_CA"]
    )


def finish(api, upid):
    """Polls a task until it stopped and returns its log; virtual time passes with each poll."""
    task = api.nodes(upid.split(":")[1]).tasks(upid)
    for _ in range(200):
        status = task.status.get()
        if status["status"] == "stopped":
            assert status["exitstatus"] == "OK", status
            return [line["t"] for line in task.log.get(limit=0)]
    raise AssertionError(f"{upid} did not end")


def main():
    api = connect()
    nodes = sorted(node["node"] for node in api.nodes.get())
    assert nodes == ["pve1", "pve2", "pve3"], nodes
    node = api.nodes("pve1")

    finish(api, node.qemu.post(vmid=300, name="blank", memory=512, scsi0="local-lvm:1", net0="virtio,bridge=vmbr0"))
    assert node.qemu(300).config.get()["scsi0"] == "local-lvm:vm-300-disk-0,size=1G"

    log = finish(api, node.qemu(9000).clone.post(newid=301, name="copy", description="by proxmoxer"))
    assert log[0] == "creating a clone of VM 9000 with ID 301", log
    assert log[-1] == "TASK OK", log

    node.qemu(301).config.put(cores=4, tags="b;a", ipconfig0="ip=10.90.0.77/16,gw=10.90.0.1")
    config = node.qemu(301).config.get()
    assert (config["cores"], config["tags"]) == (4, "a;b"), config

    finish(api, node.qemu(301).status.start.post())
    assert node.qemu(301).status.current.get()["status"] == "running"
    finish(api, node.qemu(301).status.stop.post())

    for vmid in (300, 301):
        finish(api, node.qemu(vmid).delete(purge=1))
    try:
        node.qemu(301).config.get()
    except ResourceException as error:
        assert error.status_code == 500, error
        assert "Configuration file 'nodes/pve1/qemu-server/301.conf' does not exist" in str(error), error
    else:
        raise AssertionError("the guest is still there")


if __name__ == "__main__":
    main()
    sys.stdout.write("ok\n")
