"""The snat slice: one nft table that translates what leaves by either WAN. Pure.

Of its parts: ports.py the ports and their order, allocate.py how a flow gets one, quota.py
how many a host may have, timeouts.py how long it keeps them, mape_inbound.py what may come in. The
guard has the last word: nothing leaves by the tunnel that is not of the shared address and
its ports.
"""

from __future__ import annotations

from dataclasses import replace

from dualwan.config import Config, forwards
from dualwan.config.forwards import Forward
from dualwan.config.mape import MapE
from dualwan.mape.portset import PortSet
from dualwan.model.observed import TableId
from dualwan.model.plan import SlicePlan
from dualwan.model.usage import Losses
from dualwan.model.way import Kind, Softwire, Way, of_kind
from dualwan.nft.table import (
    Block,
    DeviceShortcut,
    NftTable,
    base_chain,
    chain,
    counter,
)
from dualwan.slices.firewall import SLICE as FIREWALL
from dualwan.slices.slice import Counts, Remains, Situation, Slice
from dualwan.slices.snat import allocate, pppoe_inbound, timeouts
from dualwan.slices.snat.mape_inbound import Inward
from dualwan.slices.snat.match import any_block, inside, outside
from dualwan.slices.snat.ports import Pool, pool
from dualwan.slices.snat.quota import REFUSED, Share
from dualwan.slices.tables import only_table

NAME = "snat"
TABLE = TableId("ip", "dualwan_snat", dynamic=True)

UNTRANSLATED = "untranslated"  # the counter of packets that the guard stopped
REFUSE = f"counter name {UNTRANSLATED} drop"
ICMP_ECHO = 8 << 8  # type and code of an echo request, where other protocols have a port
GUARD = "type filter hook postrouting priority srcnat + 10; policy accept;"


def bring_up(at: Situation) -> SlicePlan:
    """Return the steps that bring the translation to its desired state."""
    return replace(only_table(NAME, wanted(at.config, at.ways), TABLE.name, at.observed),
                   problems=_possible(at.config, _tunnelled(at.ways))[1])


def take_down(remains: Remains) -> SlicePlan:
    """Return the steps that take the translation away."""
    return only_table(NAME, None, TABLE.name, remains.observed)


def _tunnelled(ways: tuple[Way, ...]) -> Way:
    """Return the way by softwire that is translated here."""
    return of_kind(ways, Kind.SOFTWIRE)[0]


def wanted(config: Config, ways: tuple[Way, ...]) -> NftTable:
    """Return the whole table."""
    way = _tunnelled(ways)
    softwire, possible = way.softwire, _possible(config, way)[0]
    if softwire and isinstance(config.mape, MapE) and softwire.port_set:
        return _shared(config, ways, config.mape, softwire, softwire.port_set, possible)
    address = way.address if softwire and softwire.translated else ""
    inward = Inward(address, way.device, possible if address else (), ())
    return NftTable(TABLE.family, TABLE.name, (
        counter(UNTRANSLATED),
        *_prerouting([*inward.rules(), *pppoe_inbound.rules(config, ways, address)]),
        *inward.chains(),
        *pppoe_inbound.chains(config, ways),
        _postrouting(config, ways, inward, f"snat ip to {address}" if address else ""),
        _simple_guard(way.device, softwire),
    ))


def _possible(config: Config, way: Way) -> tuple[tuple[Forward, ...], tuple[str, ...]]:
    """The forwards by the tunnel that the line can have, and why it cannot have the others."""
    if way.softwire is None:
        return (), ()
    return forwards.split(forwards.by(way.name, config.forwards), way.softwire.port_set)


def _shared(config: Config, ways: tuple[Way, ...], mape: MapE,  # noqa: PLR0913, PLR0917
            softwire: Softwire, port_set: PortSet, possible: tuple[Forward, ...]) -> NftTable:
    """Of an address that is shared."""
    tunnel = mape.tunnel
    ports = pool(str(softwire.ipv4), port_set, softwire.ce.packed,
                 [one.port for one in possible])
    inward = Inward(ports.address, tunnel, possible, mape.open_nat if ports.counted else ())
    share = Share(ports, mape.max_share)
    short = timeouts.rules() if mape.conntrack_timeouts else {}
    way = allocate.Sharing(ports, short, share.crowd(), inward.avoid)
    identity = (f"{softwire.ipv4} {port_set.psid}/{port_set.psid_offset}/"
                f"{port_set.psid_length}")  # with another one, what was learned is wrong
    return NftTable(TABLE.family, TABLE.name, (
        counter(UNTRANSLATED),
        counter(allocate.NO_PORT),
        *(timeouts.objects() if short else []),
        *(allocate.sets(identity) if ports.counted else []),
        *share.sets(),
        *inward.sets(identity),
        *_prerouting([*inward.rules(), *pppoe_inbound.rules(config, ways, ports.address),
                      *share.rules()]),
        *inward.chains(),
        *pppoe_inbound.chains(config, ways),
        *share.chains(tunnel, way),
        _postrouting(config, ways, inward, allocate.WAYS if ports.counted else "goto share"),
        *(way.chains() if ports.counted else [_plain(way)]),
        *_guard(config, ports, port_set, inward),
    ))


def _plain(way: allocate.Sharing) -> Block:
    """Of so many ports that no flow has to look for one; or of none at all."""
    translate = ([f"meta l4proto {{ tcp, udp, icmp }} snat ip to {any_block(way.pool)}"]
                 if way.pool.blocks else [])
    return chain("share", *(rule for rules in way.timeouts.values() for rule in rules),
                 *translate)


def _prerouting(rules: list[str]) -> list[Block]:
    if not rules:
        return []
    return [base_chain("prerouting",
                  "type nat hook prerouting priority dstnat; policy accept;", *rules)]


def _postrouting(config: Config, ways: tuple[Way, ...], inward: Inward, translate: str) -> Block:
    return base_chain(
        "postrouting",
        "type nat hook postrouting priority srcnat; policy accept;",
        *([f'oifname "{_tunnelled(ways).device}" {translate}'] if translate else []),
        *(f'oifname "{way.device}" masquerade' for way in of_kind(ways, Kind.PPP)),
        *inward.hairpin(translate),
        *pppoe_inbound.hairpin(config, ways),
    )


def _simple_guard(tunnel: str, softwire: Softwire | None) -> Block:
    head = [f'oifname != "{tunnel}" accept']
    if softwire is None:
        return base_chain("guard", GUARD, *head, REFUSE)
    if not softwire.translated:
        return base_chain("guard", GUARD, *head)
    return base_chain("guard", GUARD, *head, f"ip saddr != {softwire.ipv4} {REFUSE}")


def _guard(config: Config, ports: Pool, port_set: PortSet, inward: Inward) -> list[Block]:
    """Nothing leaves by the tunnel but with the shared address and a port of the set.

    The border relay drops the rest anyway (RFC 7597 section 8.1); dropped here it is
    counted, and no private address shows outside. Every packet of every flow comes by, so
    what is mostly right is asked first: what leaves by the tunnel as it should, then what
    goes to the LAN, by the index of the device (nft.table.DeviceShortcut). To compare names
    costs as much as all of that.
    """
    fast = " ".join(inside(port_set, "th sport"))
    if ICMP_ECHO in port_set:
        fast = f"meta l4proto != icmp {fast}"
    wrong = [f"{condition} {REFUSE}" for condition in outside(port_set, "th sport")]
    return [
        base_chain("guard", GUARD, *inward.guard(),
              f"ip saddr {ports.address} {fast} accept",
              *(DeviceShortcut(name, "accept") for name in config.lan.interfaces),
              f'oifname != "{config.mape.tunnel}" accept',
              f"ip saddr != {ports.address} {REFUSE}",
              "meta l4proto icmp goto guard_icmp",
              f"meta l4proto != {{ tcp, udp }} {REFUSE}",
              *wrong),
        chain("guard_icmp",
              "icmp type != echo-request accept",
              *(f"{condition} {REFUSE}" for condition in outside(port_set, "icmp id"))),
        *inward.learning(),
    ]


def _losses(named: dict[str, int], refused: dict[str, int]) -> Losses:
    return Losses(refused, named.get(allocate.NO_PORT, 0), named.get(UNTRANSLATED, 0))


SLICE = Slice(NAME, bring_up, take_down, needs=FIREWALL.name, table=TABLE,
              counts=Counts(REFUSED, _losses))
