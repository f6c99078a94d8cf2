"""The SSH session in which this process was started: its TCP connection, and its route.

sshd(8) puts the ends of the connection into the environment of the login shell. sudo(8) drops them,
but each ancestor of this process still has its initial environment. Any user can fake these
variables; so a session counts only if the kernel has that connection.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

from dualwan.errors import HostError
from dualwan.host import program
from dualwan.model.ssh_session import SshSession

PROC = Path("/proc")
VARIABLE = b"SSH_CONNECTION="
_DEPTH = 64  # ancestors
_PARENT = 1  # field of /proc/PID/stat after the name: proc_pid_stat(5)
_ESTABLISHED = "01"  # TCP_ESTABLISHED in /proc/net/tcp
_FIELDS = 4
Ip = IPv4Address | IPv6Address
End = tuple[Ip, int]


def look(proc: Path = PROC) -> SshSession | None:
    """Return the session that this process belongs to; None for none, or if it has ended."""
    for text in _variables(proc):
        ends = _ends(text)
        if ends and ends in _established(proc):
            (peer, _), (own, port) = ends
            device, by_default = _route(peer, own)
            return SshSession(peer, own, port, device, by_default) if device else None
    return None


def _variables(proc: Path) -> Iterator[str]:
    """Yield SSH_CONNECTION of this process and of its ancestors."""
    pid = str(os.getpid()) if proc == PROC else "self"
    for _ in range(_DEPTH):
        try:
            words = (proc / pid / "environ").read_bytes().split(b"\0")
        except OSError:
            words = []
        for word in words:
            if word.startswith(VARIABLE):
                yield os.fsdecode(word.removeprefix(VARIABLE))
        try:
            stat = (proc / pid / "stat").read_text(errors="replace")
            pid = stat.rpartition(")")[2].split()[_PARENT]
        except (OSError, IndexError):
            return
        if pid in ("0", "1"):
            return


def _ends(text: str) -> tuple[End, End] | None:
    """Return both ends of "PEER PORT OWN PORT", ssh(1); None for anything else."""
    words = text.split(" ")
    if len(words) != _FIELDS:
        return None
    try:
        return _end(words[0], int(words[1])), _end(words[2], int(words[3]))
    except ValueError:
        return None


def _end(address: str, port: int) -> End:
    """Return an end; an IPv4-mapped address as IPv4, for sshd may use one socket for both."""
    found = ip_address(address.partition("%")[0])
    return getattr(found, "ipv4_mapped", None) or found, port


def _established(proc: Path) -> set[tuple[End, End]]:
    """Return the TCP connections of our network namespace, the peer's end first."""
    found = set()
    for name in ("tcp", "tcp6"):
        try:
            lines = (proc / "self/net" / name).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if words[3] == _ESTABLISHED:
                found.add((_hexadecimal(words[2]), _hexadecimal(words[1])))
    return found


def _hexadecimal(text: str) -> End:
    """Return an end of /proc/net/tcp: words of 32 bits in the machine's order, and the port."""
    address, _, port = text.partition(":")
    data = bytes.fromhex(address)
    words = (data[at : at + 4] for at in range(0, len(data), 4))
    order = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    return _end(str(ip_address(order)), int(port, 16))


def _route(peer: Ip, own: Ip) -> tuple[str, bool]:
    """Return the device of the route to the peer, and whether that is a default route.

    The device is "" if there is no route, or ip(8) fails.
    """
    argv = ["ip", "-json", f"-{peer.version}", "route", "get", "fibmatch", str(peer)]
    try:
        code, output, _ = program.output([*argv, "from", str(own)])
        routes: list[dict[str, Any]] = json.loads(output) if code == 0 and output else []
    except (HostError, ValueError):
        return "", False
    for route in routes:
        table = str(route.get("table", "main"))
        return str(route.get("dev", "")), route.get("dst") == "default" and table == "main"
    return "", False
