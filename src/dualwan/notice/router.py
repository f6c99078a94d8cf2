"""The router as the owner's scripts know it: each way, up or not, with its address. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dualwan.frozen import dataclass, field
from dualwan.line import Line
from dualwan.model.observed import Observed
from dualwan.model.way import Kind, Way

Ranges = tuple[tuple[int, int], ...]
ALL_PORTS: Ranges = ((1, 65535),)


class WayState(NamedTuple):
    """The state of a way at one moment.

    lost: it is down, though it was up and nobody took it down. interface, address, ports: of the
    way, or the last ones that it had. ports: the first and the last of each range.
    """

    up: bool = False
    lost: bool = False
    interface: str = ""
    address: str = ""
    ports: Ranges = ()


@dataclass(frozen=True)
class Router:
    """The ways at one moment, by name.

    default: name of the default way. carrier: name of the way that carries the LAN's traffic, or
    was the last to do so. prefix: of the line, "" if unknown.
    """

    ways: Mapping[str, WayState] = field(default_factory=dict)
    default: str = ""
    carrier: str = ""
    prefix: str = ""


def seen(known: Router, line: Line, observed: Observed, wan: str, *, taken_down: bool) -> Router:
    """Return the router as it is observed now; ``known``: as it was at the last notice.

    ``observed`` has the WAN and the devices of the ways. ``taken_down``: a way that is missing was
    taken down, not lost. So was a way that ``line`` no longer has.
    """
    ways = {name: _gone(way, lost=False) for name, way in known.ways.items()}
    for way in line.ways:
        before = known.ways.get(way.name, WayState())
        ways[way.name] = _present(way, observed, wan) or _gone(before, lost=not taken_down)
    default = next((way.name for way in line.ways if way.default), known.default)
    return Router(ways, default, _carrier(line, observed) or known.carrier or default, line.prefix)


def _present(way: Way, observed: Observed, wan: str) -> WayState | None:
    """Return the state of a way that is up, else None."""
    address = way.address
    if way.kind is Kind.PPP:
        address = observed.address_of(way.device)
    elif not observed.is_up(wan):
        return None
    if not address or not observed.is_up(way.device):
        return None
    shared = way.softwire.port_set if way.softwire else None
    ports = tuple(shared.ranges()) if shared else ALL_PORTS
    return WayState(up=True, interface=way.device, address=address, ports=ports)


def _gone(before: WayState, *, lost: bool) -> WayState:
    """Return the state of a way that is down: lost, if it was up before or already lost."""
    return before._replace(up=False, lost=lost and (before.up or before.lost))


def _carrier(line: Line, observed: Observed) -> str:
    """Return the name of the way of main's first default route, "" for a route that is not ours."""
    device = observed.default_device
    return next((way.name for way in line.ways if way.device == device), "")
