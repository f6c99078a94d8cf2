"""The flowtable of the router: its name, and the flows that are in it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from guest import command, router
from guest.addresses import LAN, WAN, WAN_PREFIX
from guest.line import Line
from guest.waiting import TimedOutError

TABLE = "dualwan_offload"
# The next /64 of the line, for the LAN.
_LAN_PREFIX = f"{WAN_PREFIX[:-4]}01::"
CLIENT_V6, _ROUTER_V6 = f"{_LAN_PREFIX}30", f"{_LAN_PREFIX}1"


def flowtable() -> str:
    """Return the name of the flowtable, "" for none."""
    done = command.attempt(["nft", "-j", "list", "table", "inet", TABLE])
    if done.returncode:
        return ""
    listed = json.loads(done.stdout)["nftables"]
    return next((one["flowtable"]["name"] for one in listed if "flowtable" in one), "")


def flows(source: str) -> list[str]:
    """Return the flows in the flowtable that began at ``source``, as conntrack(8) shows them."""
    family = "ipv6" if ":" in source else "ipv4"
    listed = command.run(["conntrack", "-L", "-f", family, "--orig-src", source])
    return [one for one in listed.splitlines() if "[OFFLOAD]" in one]


def wait_for(source: str, limit: float = 15) -> None:
    """A flow that began at ``source`` is in the flowtable within ``limit`` seconds."""
    until(lambda: bool(flows(source)), f"a flow of {source} in the flowtable", limit)


def until(look: Callable[[], bool], what: str, limit: float) -> None:
    """Look again and again, for the kernel announces nothing of a flowtable by rtnetlink."""
    deadline = time.monotonic() + limit
    while not look():
        if time.monotonic() > deadline:
            raise TimedOutError(f"{what}: not within {limit:.0f} s")
        time.sleep(0.1)


@contextmanager
def ipv6_of_the_lan(line: Line) -> Iterator[None]:
    """Give the LAN IPv6, and a client with CLIENT_V6, for the length of a `with` block."""
    way = next(item for item in router.addresses(WAN) if item.startswith("2400:"))
    line.isp.space.ip(f"route add {_LAN_PREFIX}/64 via {way}")
    line.router.ip(f"address add {_ROUTER_V6}/64 dev {LAN} nodad")
    line.client.ip(
        f"address add {CLIENT_V6}/64 dev lan nodad", f"route add default via {_ROUTER_V6}"
    )
    try:
        yield
    finally:
        line.client.ip(f"route del default via {_ROUTER_V6}", f"address del {CLIENT_V6}/64 dev lan")
        line.router.ip(f"address del {_ROUTER_V6}/64 dev {LAN}")
        line.isp.space.ip(f"route del {_LAN_PREFIX}/64")
