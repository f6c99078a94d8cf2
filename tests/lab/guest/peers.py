"""pppd as people use it: options of the peer, other ways to start it, another peer."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from guest import command, router, waiting
from guest.addresses import PPPOE_PEER
from guest.isp import PASSWORD, USER

PEERS = Path("/etc/ppp/peers")
OWN = PEERS / PPPOE_PEER
OTHER = "lte"
SECOND, SECOND_DEVICE = "second-provider", "ppp1"
SECOND_USER = "office@lab.example"
_SECRETS = Path("/etc/ppp/chap-secrets")
# Public addresses, because the firewall drops private ones on any WAN.
OTHER_ADDRESS = "203.0.113.201"
_OTHER_GATEWAY = "203.0.113.202"
# Its far end is a pppd in the provider's namespace, which has its own /etc/ppp.
_OTHER_OPTIONS = f"""\
noauth
local
persist
nodefaultroute
{OTHER_ADDRESS}:{_OTHER_GATEWAY}
pty "ip netns exec isp pppd notty noauth local noipdefault nodefaultroute unit 60"
"""


@contextmanager
def options(*more: str, without: str = "") -> Iterator[dict[str, int]]:
    """Add ``more`` to the peer's file, remove its line ``without``; yield the options' lines."""
    before = OWN.read_text()
    lines = [line for line in before.splitlines() if line != without] + list(more)
    OWN.write_text("\n".join(lines) + "\n")
    try:
        yield {option: lines.index(option) + 1 for option in more}
    finally:
        OWN.write_text(before)


@contextmanager
def other_session() -> Iterator[str]:
    """Let another pppd have the first PPP interface; yield its name."""
    (PEERS / OTHER).write_text(_OTHER_OPTIONS)
    command.run(["pon", OTHER])
    device = waiting.until(lambda: device_of(OTHER_ADDRESS), "the other session", 40)
    try:
        yield device
    finally:
        command.run(["poff", OTHER])
        waiting.until(lambda: not router.addresses(device), "the other session's end", 20)
        (PEERS / OTHER).unlink()


@contextmanager
def second_provider() -> Iterator[None]:
    """Set up a second peer on the line, as the manual says: another name, and its interface."""
    secrets = _SECRETS.read_text()
    text = OWN.read_text().replace(USER, SECOND_USER)
    (PEERS / SECOND).write_text(f"{text}unit {SECOND_DEVICE.removeprefix('ppp')}\n")
    _SECRETS.write_text(f'{secrets}"{SECOND_USER}" * "{PASSWORD}" *\n')
    try:
        yield
    finally:
        _SECRETS.write_text(secrets)
        (PEERS / SECOND).unlink()


def device_of(address: str) -> str:
    """Return the interface that has ``address``, "" for none."""
    for item in json.loads(command.run(["ip", "-j", "-4", "address"])):
        if any(entry["local"] == address for entry in item["addr_info"]):
            return str(item["ifname"])
    return ""


def pppds() -> list[int]:
    """Return the processes of the router's pppd for the peer."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            program = (entry / "exe").readlink().name
        except OSError:
            continue
        # `call PEER` has its name, and `file /etc/ppp/peers/PEER` its path.
        if program == "pppd" and PPPOE_PEER in {Path(os.fsdecode(word)).name for word in words}:
            found.append(int(entry.name))
    return found


@contextmanager
def pretender() -> Iterator[None]:
    """Have an unprivileged user run a process that calls itself the peer's pppd."""
    program = "import time; print(flush=True); time.sleep(600)"
    argv = ["pppd", "-c", program, "call", PPPOE_PEER]
    with subprocess.Popen(
        argv, executable="/usr/bin/python3", user="nobody", stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()
