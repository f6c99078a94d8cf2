"""Flows of one host, how many of them pass, and how many are refused."""

import fcntl
import os
import re
import struct
from contextlib import contextmanager

from burst import unlucky
from flows import flow

KINDS = ("tcp", "udp", "icmp")
TUNSETIFF, TUN = 0x400454CA, 0x1001  # IFF_TUN | IFF_NO_PI


def flows(kind, host, count, base=20000, **to):
    """Return the first packets of COUNT flows of HOST to one destination."""
    return [flow(kind, host, base + at, **to) for at in range(count)]


def passed(line, packets):
    """Send PACKETS; return how many ports arrive outside. Nothing may be wrong with any."""
    seen = line.passed(packets)
    assert not unlucky(seen, line.ports())
    assert len({packet.sport for packet in seen}) == len(seen)
    return len(seen)


@contextmanager
def vpn(line):
    """Yield the far end of vpn0 of the router, a device without link addresses (tun)."""
    device = line.router.call(os.open, "/dev/net/tun", os.O_RDWR)
    try:
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"vpn0", TUN))
        line.router.ip("link set vpn0 up\nroute add 192.168.9.0/24 dev vpn0\n")
        yield device
    finally:
        os.close(device)


def refused(line):
    """Return how often each host was refused, by what the table counts."""
    return {
        host: int(count)
        for host, count in re.findall(r"([0-9.]+) counter packets (\d+)", line.elements("refused"))
    }
