"""A steady stream of forbidden packets to the router's WANs, and counters of those that get in.

All forbidden packets of a family have one source address. Two nft tables count it: on the router,
at each WAN before all chains of the product, and in input and forward behind them; and on the LAN
client. A few packets to an open service, from another address, show that the counters behind the
firewall work.
"""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from guest import router
from guest.addresses import (
    CLIENT_ADDRESS,
    FIRST_PPPOE_ADDRESS,
    LAN_ADDRESS,
    MAPE_ADDRESS,
    PORT_BLOCKS,
    PPP,
    SECOND_PPPOE_ADDRESS,
    TUNNEL,
    WAN,
)
from guest.isp import PPP_UNIT
from guest.line import Line
from guest.packets import FLAGS, Packet

BAD, BAD6, GOOD = "198.51.100.77", "2001:db8:1::77", "198.51.100.78"
OFFERED_PORT = 443
_BAD_PORTS = (21, 23, 445, 8081, PORT_BLOCKS[3].start, PORT_BLOCKS[40].stop - 1)
_BAD_FLAGS = (FLAGS["syn"], FLAGS["ack"], FLAGS["syn"] | FLAGS["ack"], 0, 0x3F)
_PPPOE_ADDRESSES = (FIRST_PPPOE_ADDRESS, SECOND_PPPOE_ADDRESS)
_ETH_P_IP, _ETH_P_IPV6 = 0x0800, 0x86DD
# 500 packets a second, so that an emulated router has processor time left.
_PAUSE_SECONDS, _BATCH = 0.02, 10


def _table(chains: Iterable[str]) -> str:
    return "table inet rain {\n" + "\n".join(chains) + "\n}\n"


def _counted(name: str, hook: str, priority: int, match: str = "") -> str:
    """Return a named counter, and a chain that counts the forbidden packets at ``hook``."""
    return f"""
    counter {name} {{ }}
    chain {name} {{
        type filter hook {hook} priority {priority}; policy accept;
        {match} ip saddr {BAD} counter name {name}
        {match} ip6 saddr {BAD6} counter name {name}
    }}"""


_WANS = (PPP, TUNNEL, WAN)
# Before and behind all chains of the product.
_FIRST, _LAST = -450, 200
_ROUTER_TABLE = _table(
    (
        *(_counted(f"at_{wan}", "prerouting", _FIRST, f"iifname {wan}") for wan in _WANS),
        _counted("input", "input", _LAST),
        _counted("forward", "forward", _LAST),
        f"""
    counter allowed {{ }}
    chain allowed {{
        type filter hook input priority {_LAST}; policy accept;
        ip saddr {GOOD} counter name allowed
    }}""",
    )
)
_CLIENT_TABLE = _table((_counted("lan", "prerouting", _FIRST),))


def _forbidden(source: str, *targets: str) -> Iterator[bytes]:
    """Yield packets from ``source`` to ``targets`` that no rule of the firewall allows."""
    for target in targets:
        for number, port in enumerate(_BAD_PORTS):
            yield Packet(source, target, "udp", 20000 + number, port).build()
            for flags in _BAD_FLAGS:
                yield Packet(source, target, "tcp", 20000 + number, port, flags).build()
        yield Packet(source, target, "ipip").build()
        yield Packet(source, target, "gre").build()
        yield Packet(source, target, "udp", 1, 2, offset=9).build(b"y" * 64)
        if ":" not in target:
            yield Packet(source, target, "icmp", kind="redirect").build()
            yield Packet(source, target, "icmp", kind="timestamp").build()


@dataclass(frozen=True)
class _Drop:
    tap: socket.socket
    where: tuple[Any, ...]
    packet: bytes


class Rain:
    """The stream, for the length of a `with` block. The WAN must be up when it begins."""

    def __init__(self, line: Line) -> None:
        """Prepare; neither packets nor tables are there before `with`."""
        self._line = line
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._fall, daemon=True)
        self.sent = 0

    def count_again(self) -> None:
        """Count from zero, after a flush of all rules has removed the counters of the router."""
        for space, table in (
            (self._line.router, _ROUTER_TABLE),
            (self._line.client, _CLIENT_TABLE),
        ):
            text = f"table inet rain {{ }}\ndelete table inet rain\n{table}"
            space.run("nft", "-f", "-", text=text)

    def __enter__(self) -> Self:
        self.count_again()
        self._access = self._line.isp.space.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
        # A tunnel's address does not fit in an AF_PACKET address.
        self._relay = self._line.relay.space.socket(
            socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW
        )
        self._relay.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"map0")
        drops = [*self._from_pppoe(), *self._from_the_relay(), *self._from_the_wan()]
        random.Random(1).shuffle(drops)  # noqa: S311 - an order without a pattern
        self._drops = cycle(drops)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self._access.close()
        self._relay.close()
        for space in (self._line.router, self._line.client):
            space.run("nft", "delete", "table", "inet", "rain")

    def let_in(self) -> dict[str, int]:
        """Return how many forbidden packets passed the firewall, by place; empty if none did."""
        found = self._line.router.counters("rain") | self._line.client.counters("rain")
        return {name: found[name] for name in ("input", "forward", "lan") if found[name]}

    def arrived(self) -> dict[str, int]:
        """Return how many forbidden packets came to each WAN device of the router."""
        found = self._line.router.counters("rain")
        return {wan: found[f"at_{wan}"] for wan in _WANS}

    def allowed(self) -> int:
        """Return how many packets to an open service were let in."""
        return self._line.router.counters("rain")["allowed"]

    def _from_pppoe(self) -> Iterator[_Drop]:
        targets = (*_PPPOE_ADDRESSES, MAPE_ADDRESS, LAN_ADDRESS, CLIENT_ADDRESS)
        allowed = (
            Packet(GOOD, address, "tcp", 30000, OFFERED_PORT).build()
            for address in _PPPOE_ADDRESSES
        )
        # By name and not by index: a reconnect makes another device.
        where = (f"ppp{PPP_UNIT}", _ETH_P_IP)
        for packet in (*_forbidden(BAD, *targets), *allowed):
            yield _Drop(self._access, where, packet)

    def _from_the_relay(self) -> Iterator[_Drop]:
        targets = (MAPE_ADDRESS, FIRST_PPPOE_ADDRESS, LAN_ADDRESS, CLIENT_ADDRESS)
        for target in targets:
            for packet in _forbidden(BAD, target):
                yield _Drop(self._relay, (target, 0), packet)

    def _from_the_wan(self) -> Iterator[_Drop]:
        mac = bytes.fromhex(Path(f"/sys/class/net/{WAN}/address").read_text().replace(":", ""))
        own = [address for address in router.addresses(WAN) if address.startswith("2400:")]
        for protocol, packets in (
            (_ETH_P_IP, _forbidden(BAD, FIRST_PPPOE_ADDRESS, LAN_ADDRESS, CLIENT_ADDRESS)),
            (_ETH_P_IPV6, _forbidden(BAD6, *own)),
        ):
            for packet in packets:
                yield _Drop(self._access, ("wan", protocol, 0, 0, mac), packet)

    def _fall(self) -> None:
        while not self._over.wait(_PAUSE_SECONDS):
            for drop in islice(self._drops, _BATCH):
                with suppress(OSError):  # while PPPoE is down
                    drop.tap.sendto(drop.packet, drop.where)
                    self.sent += 1
