"""The snat slice: one nft table that translates packets leaving by any way. Pure.

README.md draws the path of a packet through it. Its last chain is the egress filter: only packets
from the shared address and its ports leave by the tunnel.
"""

from __future__ import annotations

from dualwan.config import Config, forwards
from dualwan.config.forwards import Forward
from dualwan.config.mape import MapE
from dualwan.frozen import replace
from dualwan.mape.portset import PortSet
from dualwan.model.observed import TableId
from dualwan.model.plan import SlicePlan
from dualwan.model.state import RunState
from dualwan.model.usage import Losses
from dualwan.model.way import Kind, Softwire, Way, of_kind
from dualwan.nft.table import Block, DeviceShortcut, NftTable, commented, counter
from dualwan.slices import ipsec, zones
from dualwan.slices.firewall import SLICE as FIREWALL
from dualwan.slices.slice import Counts, Remains, Situation, Slice
from dualwan.slices.snat import allocate, carried, further, pppoe_inbound, routed, timeouts
from dualwan.slices.snat.allocate import PortAllocator
from dualwan.slices.snat.mape_inbound import MapeInbound
from dualwan.slices.snat.match import inside, outside
from dualwan.slices.snat.names import (
    EGRESS_FILTER,
    EGRESS_FILTER_ICMP,
    NO_PORT,
    OUTPUT,
    POSTROUTING,
    PREROUTING,
    REFUSED,
    TRANSLATE,
    UNTRANSLATED,
    Chain,
)
from dualwan.slices.snat.ports import Pool, pool
from dualwan.slices.snat.quota import Quota
from dualwan.slices.tables import only_table

NAME = "snat"
TABLE = TableId("ip", "dualwan_snat", dynamic=True)

_REFUSE = f"counter name {UNTRANSLATED} drop"
_ICMP_ECHO = 8 << 8  # type and code of an echo request: what "th sport" reads in ICMP


def bring_up(at: Situation) -> SlicePlan:
    """Return the steps that bring the translation to its desired state."""
    table = wanted_table(at.config, at.ways)
    possible, problems = _possible(at.config, _softwire_way(at.ways))
    plan = replace(only_table(NAME, table, TABLE.name, at.observed), problems=problems)
    if not at.config.router.redundant or not at.state.role.active:
        return plan
    shared, owed = _shared_ports(at.ways, possible), at.state.owes_carried_flows
    return replace(plan, steps=carried.with_flows(plan, table, shared, owed=owed))


def take_down(remains: Remains) -> SlicePlan:
    """Return the steps that take the translation away."""
    return only_table(NAME, None, TABLE.name, remains.observed)


def _softwire_way(ways: tuple[Way, ...]) -> Way:
    """Return the softwire that is the default way."""
    return next(way for way in of_kind(ways, Kind.SOFTWIRE) if way.default)


def wanted_table(config: Config, ways: tuple[Way, ...]) -> NftTable:
    """Return the whole table."""
    way = _softwire_way(ways)
    softwire, possible = way.softwire, _possible(config, way)[0]
    if softwire and isinstance(config.mape, MapE) and softwire.port_set:
        return _shared_table(config, ways, config.mape, softwire, softwire.port_set, possible)
    address = way.address if softwire and softwire.translated else ""
    known = [*([address] if address else []), *further.addresses(ways)]
    inbound = MapeInbound(address, way.device, possible if address else (), ())
    return NftTable(
        TABLE.family,
        TABLE.name,
        (
            counter(UNTRANSLATED),
            *_base(PREROUTING, _arriving(config, ways, inbound, known)),
            *_base(OUTPUT, _own_rules(config, ways, inbound, known)),
            *inbound.chains(),
            *further.chains(config, ways),
            *pppoe_inbound.chains(config, ways),
            _postrouting(config, ways, inbound, f"snat ip to {address}" if address else ""),
            _simple_filter(config, ways, way),
            *further.egress_chains(config, ways, _REFUSE),
        ),
    )


def _possible(config: Config, way: Way) -> tuple[tuple[Forward, ...], tuple[str, ...]]:
    """Return the tunnel's forwards whose port the line has, and a problem for each other one."""
    if way.softwire is None:
        return (), ()
    return forwards.split(forwards.with_via(way.name, config.forwards), way.softwire.port_set)


def _shared_table(  # noqa: PLR0913, PLR0917 - the first of `config`, narrowed by the caller
    config: Config,
    ways: tuple[Way, ...],
    mape: MapE,
    softwire: Softwire,
    port_set: PortSet,
    possible: tuple[Forward, ...],
) -> NftTable:
    """Return the table of a shared address."""
    tunnel = mape.tunnel
    ports = pool(str(softwire.ipv4), port_set, [one.port for one in possible])
    known = [ports.address, *further.addresses(ways)]
    quota = Quota(ports, mape.max_share, config.zones)
    inbound = MapeInbound(ports.address, tunnel, possible, mape.open_nat if ports.counted else ())
    timeout_rules = timeouts.rules() if mape.conntrack_timeouts else {}
    redundant = config.router.redundant and ports.counted
    not_carried = carried.NOT_CARRIED if redundant else ""
    allocator = PortAllocator(ports, timeout_rules, inbound.owned, not_carried)
    # The comment of the maps, whose elements are valid for this port set only.
    identity = f"{softwire.ipv4} {port_set.psid}/{port_set.psid_offset}/{port_set.psid_length}"
    return NftTable(
        TABLE.family,
        TABLE.name,
        (
            counter(UNTRANSLATED),
            counter(NO_PORT),
            *(timeouts.objects() if timeout_rules else []),
            *([*allocate.sets(identity), *allocator.maps()] if ports.counted else []),
            *(carried.sets(identity) if redundant else []),
            *quota.sets(),
            *inbound.sets(identity),
            *_base(PREROUTING, [*_arriving(config, ways, inbound, known), *quota.rules()]),
            *_base(OUTPUT, _own_rules(config, ways, inbound, known)),
            *inbound.chains(),
            *further.chains(config, ways),
            *pppoe_inbound.chains(config, ways),
            *quota.chains(tunnel, zones.not_lan(config, ways)),
            _postrouting(
                config,
                ways,
                inbound,
                allocate.BY_PROTOCOL if ports.counted else f"goto {TRANSLATE.name}",
            ),
            *(allocator.chains() if ports.counted else [allocate.by_blocks(ports, timeout_rules)]),
            *_egress_filter(config, ways, ports, port_set, inbound),
            *further.egress_chains(config, ways, _REFUSE),
        ),
    )


def _shared_ports(ways: tuple[Way, ...], possible: tuple[Forward, ...]) -> Pool | None:
    """Return the ports that flows share, None if the address is not shared."""
    softwire = _softwire_way(ways).softwire
    if softwire is None or softwire.port_set is None:
        return None
    return pool(str(softwire.ipv4), softwire.port_set, [one.port for one in possible])


def _arriving(
    config: Config, ways: tuple[Way, ...], inbound: MapeInbound, known: list[str]
) -> list[str]:
    """Return the prerouting rules for packets that arrive; ``known``: addresses of softwires."""
    return [
        *routed.rules(config, ways),
        *inbound.rules(zones.by_no_way(config, ways)),
        *further.rules(config, ways),
        *pppoe_inbound.rules(config, ways, known),
    ]


def _own_rules(
    config: Config, ways: tuple[Way, ...], inbound: MapeInbound, known: list[str]
) -> list[str]:
    """Return the output rules for the router's own packets; ``known``: addresses of softwires."""
    return [
        *inbound.own_rules(),
        *further.own_rules(config, ways),
        *pppoe_inbound.own_rules(config, ways, known),
    ]


def _base(where: Chain, rules: list[str]) -> list[Block]:
    return [where.block(*rules)] if rules else []


def _postrouting(
    config: Config, ways: tuple[Way, ...], inbound: MapeInbound, translate: str
) -> Block:
    return POSTROUTING.block(
        *ipsec.accept(config, ipsec.TO_ENCRYPT),
        *routed.translate(ways),
        *([f'oifname "{_softwire_way(ways).device}" {translate}'] if translate else []),
        *further.translate(ways),
        *(f'oifname "{way.device}" masquerade' for way in of_kind(ways, Kind.PPP)),
        *routed.hairpin(ways),
        *inbound.hairpin(translate),
        *further.hairpin(config, ways),
        *pppoe_inbound.hairpin(config, ways),
    )


def _simple_filter(config: Config, ways: tuple[Way, ...], way: Way) -> Block:
    """Return the egress filter for an address that is not shared, or while there is none."""
    return EGRESS_FILTER.block(
        *further.egress(ways),
        f'oifname != "{way.device}" accept',
        *ipsec.accept(config, ipsec.TO_ENCRYPT),
        *further.wrong(way, _REFUSE),
    )


def _egress_filter(
    config: Config, ways: tuple[Way, ...], ports: Pool, port_set: PortSet, inbound: MapeInbound
) -> list[Block]:
    """Return the chains that let out only the shared address with a port of the set.

    The border relay drops other packets anyway (RFC 7597 section 8.1); here they are also counted,
    and no private address is visible outside. Every packet of every flow passes here, so the
    frequent cases come first: a correct packet to the tunnel, then one to the LAN, by the index of
    its device (nft.table.DeviceShortcut). A comparison of names costs as much as both.
    """
    correct = " ".join(inside(port_set, "th sport"))
    if _ICMP_ECHO in port_set:
        correct = f"meta l4proto != icmp {correct}".rstrip()
    comment = (
        f"PSID {port_set.psid}: offset {port_set.psid_offset}, length {port_set.psid_length} bits"
    )

    def wrong(port: str) -> list[str]:
        return [
            commented(f"{condition} {_REFUSE}", comment) for condition in outside(port_set, port)
        ]

    return [
        EGRESS_FILTER.block(
            *further.egress(ways),
            *inbound.egress(),
            *(carried.renewal(ports.address) if config.router.redundant and ports.counted else []),
            commented(f"ip saddr {ports.address} {correct} accept", comment),
            *(DeviceShortcut(name, "accept") for name in config.lan.devices),
            f'oifname != "{config.mape.tunnel}" accept',
            *ipsec.accept(config, ipsec.TO_ENCRYPT),
            f"ip saddr != {ports.address} {_REFUSE}",
            f"meta l4proto icmp goto {EGRESS_FILTER_ICMP.name}",
            f"meta l4proto != {{ tcp, udp }} {_REFUSE}",
            *wrong("th sport"),
        ),
        EGRESS_FILTER_ICMP.block("icmp type != echo-request accept", *wrong("icmp id")),
        *inbound.learning(),
    ]


def _losses(named: dict[str, int], refused: dict[str, int]) -> Losses:
    return Losses(refused, named.get(NO_PORT, 0), named.get(UNTRANSLATED, 0))


def _note_up(state: RunState, at: Situation) -> RunState:
    """Note the interfaces of the PPP sessions; a later change of one concerns every slice."""
    now = {way.name: way.device for way in of_kind(at.ways, Kind.PPP)}
    return replace(state, interfaces=now)


def _note_down(state: RunState) -> RunState:
    """Forget the interfaces, and carried flows that are owed, with the table."""
    return replace(state, interfaces={}, owes_carried_flows=False)


SLICE = Slice(
    NAME,
    bring_up,
    take_down,
    needs=FIREWALL.name,
    table=TABLE,
    counts=Counts(REFUSED, _losses),
    note_up=_note_up,
    note_down=_note_down,
)
