"""A computer on the LAN without settings of its own: DHCP by dhcpcd, IPv6 by the kernel."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import time
from pathlib import Path

from guest import command, waiting, your_lan
from guest.namespace import Namespace

DEVICE = "lan"
MAC = "02:00:00:00:00:05"
INTERFACE_ID = 0xFF_FE00_0005  # what SLAAC makes of it
_OWN = Path("/var/lib/lab/lan-host")
# Its name servers are in a file of its own, which `ip netns exec` binds over /etc/resolv.conf.
_RESOLV_CONF = Path("/etc/netns/client/resolv.conf")
_HOOK = """\
#!/bin/sh
[ -n "${new_domain_name_servers:-}" ] || exit 0
for server in $new_domain_name_servers; do
    echo "nameserver $server"
done > /etc/resolv.conf
"""
_START = """\
for folder in /run/dhcpcd /var/lib/dhcpcd; do
    mkdir -p $folder
    mount -t tmpfs tmpfs $folder
done
exec "$@"
"""


def switch_on(space: Namespace) -> None:
    """Forget all addresses; take the link address of the pages, and start a DHCP client."""
    _OWN.mkdir(parents=True, exist_ok=True)
    command.run(["dpkg-deb", "--extract", str(your_lan.package("dhcpcd-base")), str(_OWN)])
    hook = _OWN / "hook"
    hook.write_text(_HOOK)
    hook.chmod(0o755)
    _RESOLV_CONF.parent.mkdir(parents=True, exist_ok=True)
    _RESOLV_CONF.write_text("")
    space.ip(
        f"link set dev {DEVICE} down",
        f"address flush dev {DEVICE}",
        f"link set dev {DEVICE} address {MAC}",
        f"link set dev {DEVICE} up",
    )
    client = next(path for path in _OWN.glob("**/sbin/dhcpcd"))
    wanted = ("-o", "domain_name_servers")  # its own settings ask for that; here it has none
    words = (str(client), "-B", "-4", "-f", "/dev/null", *wanted, "-c", str(hook), DEVICE)
    space.start("sh", "-c", _START, "sh", *words)


def ipv4(space: Namespace) -> str:
    """Return its address, "" for none or one of 169.254/16, until DHCP is answered."""
    found = (one["local"] for one in _addresses(space) if one["family"] == "inet")
    return next((one for one in found if not ipaddress.IPv4Address(one).is_link_local), "")


def usable(space: Namespace, prefix: str) -> str:
    """Return its address of the /64 ``prefix`` if new connections may use it, "" otherwise."""
    wanted = str(ipaddress.IPv6Address(prefix) + INTERFACE_ID)
    there = {one["local"] for one in _addresses(space) if not one.get("deprecated")}
    return wanted if wanted in there else ""


def names(space: Namespace, name: str) -> set[str]:
    """Look up ``name`` at the resolver that DHCP gave; return the addresses."""
    done: subprocess.CompletedProcess[str] = space.attempt("getent", "ahosts", name)
    return {line.split()[0] for line in done.stdout.splitlines()}


def wait_for_names(space: Namespace, name: str, addresses: set[str], limit: float) -> None:
    """Wait until the resolver answers with these addresses; it may have to reload its own first."""
    deadline = time.monotonic() + limit
    while (found := names(space, name)) != addresses:
        if time.monotonic() > deadline:
            raise waiting.TimedOutError(f"{name} is {found or 'unknown'}, not {addresses}")
        time.sleep(1)


def _addresses(space: Namespace) -> list[dict[str, str]]:
    shown = json.loads(
        command.run(["ip", "-n", space.name, "-j", "address", "show", "dev", DEVICE])
    )
    return [one for one in shown[0]["addr_info"] if one["scope"] == "global"]
