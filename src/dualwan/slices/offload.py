"""The offload slice: established flows bypass the chains, through an nft flowtable. Pure.

Only if the configuration asks for it. A packet of a flow in the flowtable is translated and sent at
the ingress of its device, and meets no chain, ours or another program's. So a flow is added only by
a packet that has passed all chains, and what decides about the flow must not change while it is in
the flowtable:

- The flowtable's name has a digest of the configuration, the line's prefix, and the sessions'
  addresses and devices. When one of these changes, another flowtable replaces it, after all else
  stands: every flow passes the new rules before it is added again. (A change of routes needs no
  replacement: the kernel removes a flow whose route is out of date at its next packet. Nor does a
  deletion of conntrack entries: a flow without its entry is no longer found.)
- A flow by a PPP session is added by a packet that comes in for the session's present address
  (``_arrivals``), and only if the LAN's own packets of that flow leave by the session at that time
  (``going``). So no packet can leave with another session's address, nor a flow of the tunnel by a
  session: flows that a failover strands are rejected before.
- Flows by the tunnel are never added. conntrack forgets the tunnel's timeouts while a flow is in a
  flowtable: a connection whose ends are gone would keep its port for a day, not for 2 h. Besides,
  packets have to renew the ports of open hosts, and the egress filter checks each one.

The session's own device is not in the flowtable, which would lose it at each reconnect: packets
come in by the WAN as PPPoE, and the kernel sees through that. The kernel takes out a device that is
removed; the digest has the indexes of all devices, so that a returning device is added again.
"""

from __future__ import annotations

from collections.abc import Collection

from dualwan import __version__
from dualwan.config import Config
from dualwan.digest import sha256
from dualwan.model.observed import TableId
from dualwan.model.plan import SlicePlan
from dualwan.model.way import Kind, devices, of_kind
from dualwan.nft.table import (
    Block,
    NftTable,
    base_chain,
    chain,
    commented,
    dynamic,
    elements,
    quoted,
)
from dualwan.slices import marks, zones
from dualwan.slices.firewall import SLICE as FIREWALL
from dualwan.slices.slice import Remains, Situation, Slice
from dualwan.slices.tables import only_table

NAME = "offload"
TABLE = TableId("inet", "dualwan_offload", dynamic=True)

FLOWTABLE = "flowtable"
_LETTERS = 8  # of the digest in the flowtable's name
_GOING = "going"
# Key of a flow, the LAN's end first: in a packet from the LAN, and in one to it.
_OUT = "meta l4proto . ip saddr . th sport . ip daddr . th dport"
_IN = "meta l4proto . ip daddr . th dport . ip saddr . th sport"
_KEY_TYPE = "type inet_proto . ipv4_addr . inet_service . ipv4_addr . inet_service"
# A flow is added only if the LAN has sent a packet within this time. Elements take 100 bytes each.
# While the set is full, no further flow is added.
_GOING_LIFE, _GOING_SIZE = "1s", 16384
_LAST = 300  # after all programs' filters, which have priorities at or near 0
_FROM_LAN, _FROM_SESSION = "from_lan", "from_session"


def devices_of(config: Config) -> tuple[str, ...]:
    """Return the devices that the flowtable has where they exist, () if none is wanted."""
    if not config.firewall.offload:
        return ()
    lans = {*zones.lan_only(config)}
    return (config.wan.interface, *(name for name in config.lan.devices if name in lans))


def bring_up(at: Situation) -> SlicePlan:
    """Return the steps that bring the flowtable up; none if the kernel refuses flowtables."""
    wanted = wanted_table(at) if at.config.firewall.offload and at.observed.flowtables else None
    if wanted is None and at.observed.tables is None:
        return SlicePlan(NAME)  # without root no table is visible, and none is wanted
    return only_table(NAME, wanted, TABLE.name, at.observed)


def take_down(remains: Remains) -> SlicePlan:
    """Return the steps that remove the flowtable; its flows then pass the chains again."""
    return only_table(NAME, None, TABLE.name, remains.observed)


def wanted_table(at: Situation) -> NftTable | None:
    """Return the whole table; None without a LAN device, as nft refuses a missing one."""
    there = [name for name in devices_of(at.config) if name in at.observed.links]
    lans = [name for name in there if name != at.config.wan.interface]
    if not lans:
        return None
    judged = _judged(at, there)
    flowtable = f"flows_{judged}"
    sessions = _sessions(at)
    return NftTable(
        TABLE.family,
        TABLE.name,
        (
            Block(
                FLOWTABLE,
                flowtable,
                ("hook ingress priority filter", f"devices = {quoted(there)}"),
            ),
            dynamic("set", _GOING, _KEY_TYPE, _GOING_SIZE, _GOING_LIFE, judged),
            _arrivals(sessions),
            *_forward(at.config.wan.interface, lans, sessions, flowtable),
        ),
    )


def _judged(at: Situation, there: Collection[str]) -> str:
    """Return a digest of what decides about flows, but for changes that the kernel notices.

    ``there``: the flowtable's devices. A session that comes back with the same address is still
    another one, which the index of its device shows.
    """
    sessions, links = _sessions(at), at.observed.links
    addresses = (at.observed.address_of(name) for name in sessions)
    indexes = (str(links[name].index) for name in (*there, *sessions) if name in links)
    words = (__version__, at.config.text, at.line.prefix, *addresses, *indexes)
    return sha256("\0".join(words).encode()).hexdigest()[:_LETTERS]


def _sessions(at: Situation) -> tuple[str, ...]:
    """Return the PPP interfaces: a flow by a tunnel, or a VPN, takes no short cut."""
    return devices(way for way in of_kind(at.ways, Kind.PPP) if not way.vpn)


def _arrivals(sessions: Collection[str]) -> Block:
    return base_chain(
        "arrivals",
        "type filter hook prerouting priority mangle; policy accept;",
        f"iifname {quoted(sessions)} meta nfproto ipv4 fib daddr . iif type local "
        f"{marks.assign('meta mark', marks.of_arrival())}",
        comment="what comes in for an address that the session has now, before NAT",
    )


def _forward(
    wan: str, lans: Collection[str], sessions: Collection[str], flowtable: str
) -> list[Block]:
    """Return the chains that add flows. A packet of the tunnel costs one lookup of its device."""
    add = f"flow add @{flowtable}"
    where = {**dict.fromkeys(lans, _FROM_LAN), **dict.fromkeys(sessions, _FROM_SESSION)}
    return [
        chain(
            _FROM_LAN,
            f"oifname {quoted(lans)} ct status ! snat ct status ! dnat {add}",
            f'oifname "{wan}" meta nfproto ipv6 {add}',
            f"oifname {quoted(sessions)} meta nfproto ipv4 update @{_GOING} {{ {_OUT} }}",
            comment="to the LAN, by IPv6, and what a session has to carry just now",
        ),
        chain(
            _FROM_SESSION,
            f"oifname {quoted(lans)} {marks.is_set('meta mark', marks.of_arrival())} "
            f"{_IN} @{_GOING} {add}",
            comment="for its present address, of a flow that it carries",
        ),
        base_chain(
            "forward",
            f"type filter hook forward priority {_LAST}; policy accept;",
            "meta l4proto != { tcp, udp } accept",
            commented("ct status ! assured accept", "questions and answers are not worth it"),
            "iifname vmap "
            + elements(f'"{name}" : goto {target}' for name, target in where.items()),
            comment="flows that all chains before have let pass",
        ),
    ]


SLICE = Slice(
    NAME,
    bring_up,
    take_down,
    needs=FIREWALL.name,
    serves_ppp=True,
    table=TABLE,
    flowtable=devices_of,
    optional=True,
)
