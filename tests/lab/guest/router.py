"""The router's own settings, as its owner writes them: interfaces, the PPPoE peer, secrets."""

from __future__ import annotations

import json
import os
import select
import time
from pathlib import Path

from guest import command, waiting
from guest.addresses import LAN, LAN_ADDRESS, LAN_PREFIX_LENGTH, PPP, PPPOE_PEER, WAN
from guest.isp import PASSWORD, RUN, USER

INTERFACES = Path("/etc/network/interfaces")
STAMPS = RUN / "ip-up.log"
BELL = RUN / "ip-up.bell"
# pppd repeats a question after 5, 10 and 20 s, so a session may come half a minute after the
# concentrator is back; and an emulated guest is slow to run the scripts.
HOOKS_SECONDS = 150.0

# Two stanzas for one interface, as beside the scripts that the product replaces: hooks run twice.
_INTERFACES = f"""\
auto lo
iface lo inet loopback

auto {LAN}
iface {LAN} inet static
    address {LAN_ADDRESS}/{LAN_PREFIX_LENGTH}

{{start}}
iface {WAN} inet6 auto
iface {WAN} inet manual
"""

# As Debian's pppoeconf writes it, with the kernel's PPPoE.
_PEER = f"""\
noipdefault
nodefaultroute
hide-password
lcp-echo-interval 2
lcp-echo-failure 3
noauth
persist
maxfail 0
holdoff 1
mtu 1454
plugin {{plugin}} nic-{WAN}
user "{USER}"
"""

# Their names sort before and after all other hooks: they mark when the product's time begins, and
# when all hooks have ended. The pipe wakes whoever waits for that.
_STAMP = f"""\
#!/bin/sh
read -r uptime rest < /proc/uptime
echo "$PPP_LOCAL {{word}} $uptime" >> {STAMPS}
echo 1<> {BELL}
"""
_STAMP_SCRIPTS = {"00-lab-start": "start", "zz-lab-end": "end"}


def write_first_settings() -> None:
    """Write a router's files from before the product; later boots find them there."""
    if not BELL.exists():
        os.mkfifo(BELL)
    scripts = Path("/etc/ppp/ip-up.d")
    if all((scripts / name).exists() for name in _STAMP_SCRIPTS):
        return
    write_peer()
    for name, word in _STAMP_SCRIPTS.items():
        (scripts / name).write_text(_STAMP.format(word=word))
        (scripts / name).chmod(0o755)
    write_interfaces("")


def write_peer() -> None:
    """Write the peer file of PPPoE, and its password."""
    peer = Path("/etc/ppp/peers") / PPPOE_PEER
    plugins = sorted(Path("/usr/lib/pppd").glob("*/*pppoe.so"))
    peer.write_text(_PEER.format(plugin=plugins[-1].name))
    secrets = Path("/etc/ppp/chap-secrets")
    secrets.write_text(f'"{USER}" * "{PASSWORD}" *\n')
    secrets.chmod(0o600)


def write_interfaces(start: str) -> None:
    """`start` says when the WAN comes up: "auto", "allow-hotplug", or "" for by hand only."""
    INTERFACES.write_text(_INTERFACES.format(start=f"{start} {WAN}" if start else ""))


def last_stamp(address: str) -> float:
    """When ip-up ran for `address`, on the clock of /proc/uptime."""
    for line in reversed(_stamps()):
        local, word, uptime = line.split()
        if (local, word) == (address, "start"):
            return float(uptime)
    raise LookupError(f"ip-up has not run for {address}")


def forget_stamps() -> None:
    """Forget the stamps, so that the next wait is for new ones."""
    STAMPS.unlink(missing_ok=True)


def wait_for_hooks(address: str, limit: float = HOOKS_SECONDS) -> None:
    """Wait until PPPoE is up with this address, and all of pppd's ip-up scripts have ended."""
    deadline = time.monotonic() + limit
    with BELL.open("r+b", buffering=0) as bell:
        while not any(line.startswith(f"{address} end ") for line in _stamps()):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([bell], [], [], left)[0]:
                raise waiting.TimedOutError(f"ip-up for {address}: not within {limit:.0f} s")
            bell.read(4096)


def _stamps() -> list[str]:
    return STAMPS.read_text().splitlines() if STAMPS.exists() else []


def addresses(interface: str) -> list[str]:
    """All addresses of an interface; none when there's no such interface."""
    done = command.attempt(["ip", "-j", "address", "show", "dev", interface])
    if done.returncode:
        return []
    return [entry["local"] for item in json.loads(done.stdout) for entry in item["addr_info"]]


def has_address(interface: str, start: str) -> bool:
    """Whether one of the interface's addresses starts so."""
    return any(address.startswith(start) for address in addresses(interface))


def wait_for_address(interface: str, address: str, limit: float = 90) -> None:
    """The interface has this address."""
    waiting.until(lambda: address in addresses(interface), f"{address} on {interface}", limit)


def wait_for_ppp(address: str, limit: float = 90) -> None:
    """The PPPoE device has this address; ip-up may still be at work."""
    wait_for_address(PPP, address, limit)


def wait_for_no_ppp(limit: float = 60, device: str = PPP) -> None:
    """The PPPoE device is gone."""
    waiting.until(lambda: not addresses(device), f"the end of {device}", limit)
