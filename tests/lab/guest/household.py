"""What a LAN host meets in the internet, and who reaches it: a public resolver, pings."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from guest.addresses import INTERNET_HOST, INTERNET_HOST_V6, INTERNET_HOSTS
from guest.namespace import Namespace
from guest.pace import stretched
from guest.provisioning import HOST

NAME = "www.example.net"
DYNDNS = INTERNET_HOSTS[1]
PORT_V6 = 8006  # of a server that is asked by IPv6
RESOLVERS = ("2606:4700:4700::1111", "2001:4860:4860::8888")  # as docs/your-lan has them
_DNSMASQ = ("dnsmasq", "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces")


@cache
def limit() -> float:
    """Seconds within which anything must happen here that takes 10 or 20 on a quiet host."""
    return stretched(90)


@contextmanager
def resolvers(space: Namespace) -> Iterator[None]:
    """Let the resolvers know NAME and the host of dynamic DNS; no client asks them by IPv4."""
    space.ip(*(f"address replace {one}/128 dev lo nodad" for one in RESOLVERS))
    where = (f"--listen-address={one}" for one in RESOLVERS)
    pairs = ((NAME, INTERNET_HOST), (NAME, INTERNET_HOST_V6), (HOST, DYNDNS))
    known = (f"--address=/{name}/{address}" for name, address in pairs)
    server: subprocess.Popen[bytes] = space.start(
        *_DNSMASQ, "--user=root", "--pid-file=", *where, *known
    )
    try:
        yield
    finally:
        server.terminate()
        server.wait(10)


def reached(space: Namespace, address: str) -> bool:
    """Whether one ping of some from ``space`` is answered."""
    words = ("ping", "-6", "-n", "-c", "1", "-w", f"{limit():.0f}", address)
    return space.attempt(*words, limit=limit() + 60).returncode == 0
