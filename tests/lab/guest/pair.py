"""Two routers on the simulated line: the links between them, and which router is active."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from guest import command
from guest.addresses import FIRST_PPPOE_ADDRESS, LAN, WAN
from guest.cables import CABLES, ROUTERS, card, mac
from guest.far import Far
from guest.line import Line
from guest.namespace import ROUTER
from guest.standing import VIRTUAL
from guest.waiting import TimedOutError

# On the LAN of docs/two-routers.md.
HOSTS = ("192.168.1.10", "192.168.1.11", "192.168.1.12")
# The provider allows that many sessions: the session of a router that died lasts half a minute.
SESSIONS = 4
PPPOE_ADDRESSES = tuple(
    f"{FIRST_PPPOE_ADDRESS.rpartition('.')[0]}.{int(FIRST_PPPOE_ADDRESS.rpartition('.')[2]) + at}"
    for at in range(SESSIONS)
)
_ALL = {"gateway": True, "ce": True, "tunnel": True, "pppd": 1}
_NOTHING = {"gateway": False, "ce": False, "tunnel": False, "pppd": 0, "ppp": ""}
_LOOK_AGAIN = 0.5  # seconds between polls: the other guests announce no changes


@dataclass
class Routers:
    """Both, and the line."""

    line: Line
    first: Far = field(default_factory=lambda: Far(ROUTERS[0]))
    second: Far = field(default_factory=lambda: Far(ROUTERS[1]))

    @property
    def both(self) -> tuple[Far, Far]:
        """The first, and the second."""
        return self.first, self.second

    def other(self, router: Far) -> Far:
        """Return the router that ``router`` is not."""
        return self.second if router is self.first else self.first

    def join(self) -> None:
        """Turn WAN and LAN of the line's own router, which is not used here, into switches."""
        cards = {
            file.read_text().strip(): file.parent.name
            for file in Path("/sys/class/net").glob("*/address")
        }
        ROUTER.sysctl(ipv6__conf__all__disable_ipv6=1, ipv6__conf__default__disable_ipv6=1)
        command.attempt(["ip", "address", "flush", "dev", LAN])
        for port in (WAN, LAN):
            ports = [
                cards[mac(card(cable, "line"))]
                for cable in CABLES
                if cable.kind == port[:3] and "line" in cable.ends
            ]
            switch = f"{port[:3]}-switch"
            ROUTER.ip(
                # Multicast is flooded to each port, as by a switch without a querier.
                f"link add name {switch} type bridge mcast_snooping 0",
                f"link set dev {switch} up",
                *(f"link set dev {one} master {switch}" for one in (port, *ports)),
                *(f"link set dev {one} up" for one in (port, *ports)),
            )
        self.line.client.ip(
            "address flush dev lan scope global",
            *(f"address add {host}/24 dev lan" for host in HOSTS),
            f"route replace default via {VIRTUAL}",
        )
        self.line.isp.cut_pppoe()
        self.line.isp.open_pppoe(sessions=SESSIONS)

    def prepare(self) -> None:
        """Set up both routers as the page says."""
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one: one.ask("prepare", 1800), self.both))

    def wait_until_settled(self, active: Far, limit: float, *, other_is_up: bool = True) -> None:
        """Wait until ``active`` has all, and the other one nothing, if that can be asked."""
        deadline = time.monotonic() + limit
        while True:
            found = {active.name: active.ask("standing")}
            settled = found[active.name].items() >= _ALL.items() and found[active.name]["ppp"]
            if other_is_up:
                found["other"] = self.other(active).ask("standing")
                settled = settled and found["other"] == _NOTHING
            if settled:
                return
            if time.monotonic() > deadline:
                raise TimedOutError(f"{active.name} alone: not within {limit:.0f} s: {found}")
            time.sleep(_LOOK_AGAIN)
