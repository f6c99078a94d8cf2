"""The snat slice: one nft table that translates what leaves by either WAN. Pure.

README.md has the way of a packet through it. The egress filter has the last word: nothing
leaves by the tunnel that is not of the shared address and its ports.
"""

from __future__ import annotations

from dataclasses import replace

from dualwan.config import Config, forwards
from dualwan.config.forwards import Forward
from dualwan.config.mape import Softwire
from dualwan.mape.portset import PortSet
from dualwan.model.observed import Observed
from dualwan.model.plan import SlicePlan
from dualwan.nft.table import Block, DeviceShortcut, NftTable, counter, noted
from dualwan.slices.snat import allocate, pppoe_inbound, timeouts
from dualwan.slices.snat.allocate import PortAllocator
from dualwan.slices.snat.mape_inbound import MapeInbound
from dualwan.slices.snat.match import any_block, inside, outside
from dualwan.slices.snat.names import (
    EGRESS_FILTER,
    EGRESS_FILTER_ICMP,
    NO_PORT,
    POSTROUTING,
    PREROUTING,
    TRANSLATE,
    UNTRANSLATED,
)
from dualwan.slices.snat.ports import Pool, pool
from dualwan.slices.snat.quota import Quota
from dualwan.slices.tables import only_table

NAME = "snat"
TABLE = "dualwan_snat"

REFUSE = f"counter name {UNTRANSLATED} drop"
ICMP_ECHO = 8 << 8  # type and code of an echo request, where other protocols have a port


def plan(config: Config, observed: Observed, up: bool) -> SlicePlan:
    """Steps that bring the translation to its desired state, or take it away."""
    if not up:
        return only_table(NAME, None, TABLE, observed)
    return replace(only_table(NAME, wanted(config), TABLE, observed),
                   problems=_possible(config)[1])


def wanted(config: Config) -> NftTable:
    """Return the whole table."""
    softwire = config.mape.softwire
    if softwire and softwire.translated and softwire.port_set:
        return _shared(config, softwire, softwire.port_set)
    address = str(softwire.ipv4) if softwire and softwire.translated else ""
    inbound = MapeInbound(address, config.mape.tunnel, _possible(config)[0] if address else (), ())
    return NftTable("ip", TABLE, (
        counter(UNTRANSLATED),
        *_prerouting([*inbound.rules(), *pppoe_inbound.rules(config, address)]),
        *inbound.chains(),
        *pppoe_inbound.chains(config),
        _postrouting(config, inbound, f"snat ip to {address}" if address else ""),
        _simple_filter(config.mape.tunnel, softwire),
    ))


def _possible(config: Config) -> tuple[tuple[Forward, ...], tuple[str, ...]]:
    """Return the forwards by the tunnel that the line can have, and why it has not the others."""
    softwire = config.mape.softwire
    if softwire is None:
        return (), ()
    return forwards.split(forwards.by(forwards.MAPE, config.forwards), softwire.port_set)


def _shared(config: Config, softwire: Softwire, port_set: PortSet) -> NftTable:
    """Return the table of an address that is shared."""
    tunnel, mape = config.mape.tunnel, config.mape
    possible = _possible(config)[0]
    ports = pool(str(softwire.ipv4), port_set, softwire.ce.packed,
                 [one.port for one in possible])
    quota = Quota(ports, mape.max_share)
    if not quota.uncounted:  # nothing asks which ports are a bucket's
        ports = ports.undivided()
        quota = replace(quota, pool=ports)
    inbound = MapeInbound(ports.address, tunnel, possible, mape.open_nat if ports.counted else ())
    short = timeouts.rules() if mape.conntrack_timeouts else {}
    allocator = PortAllocator(ports, short, quota.metering(), inbound.owned)
    identity = (f"{softwire.ipv4} {port_set.psid}/{port_set.psid_offset}/"
                f"{port_set.psid_length}")  # with another one, what was learned is wrong
    return NftTable("ip", TABLE, (
        counter(UNTRANSLATED),
        counter(NO_PORT),
        *(timeouts.objects() if short else []),
        *(allocate.sets(identity) if ports.counted else []),
        *quota.sets(),
        *inbound.sets(identity),
        *_prerouting([*inbound.rules(), *pppoe_inbound.rules(config, ports.address),
                      *quota.rules()]),
        *inbound.chains(),
        *pppoe_inbound.chains(config),
        *quota.chains(tunnel),
        _postrouting(config, inbound, allocate.BY_PROTOCOL if ports.counted
                     else f"goto {TRANSLATE.name}"),
        *(allocator.chains() if ports.counted else [_plain(ports, short)]),
        *_egress_filter(config, ports, port_set, inbound),
    ))


def _plain(ports: Pool, short: dict[str, list[str]]) -> Block:
    """Return the chain for so many ports that no flow has to look for one; or for none at all."""
    translate = ([noted(f"meta l4proto {{ tcp, udp, icmp }} snat ip to {any_block(ports)}",
                        f"{len(ports.blocks)} blocks in turn")] if ports.blocks else [])
    return TRANSLATE.block(*(rule for rules in short.values() for rule in rules), *translate)


def _prerouting(rules: list[str]) -> list[Block]:
    return [PREROUTING.block(*rules)] if rules else []


def _postrouting(config: Config, inbound: MapeInbound, translate: str) -> Block:
    return POSTROUTING.block(
        *([f'oifname "{config.mape.tunnel}" {translate}'] if translate else []),
        f'oifname "{config.pppoe.interface}" masquerade',
        *inbound.hairpin(translate),
        *pppoe_inbound.hairpin(config),
    )


def _simple_filter(tunnel: str, softwire: Softwire | None) -> Block:
    """Return the filter of an address that is not shared, or of none."""
    head = f'oifname != "{tunnel}" accept'
    if softwire is None:
        return EGRESS_FILTER.block(head, REFUSE)
    if not softwire.translated:
        return EGRESS_FILTER.block(head)
    return EGRESS_FILTER.block(head, f"ip saddr != {softwire.ipv4} {REFUSE}")


def _egress_filter(config: Config, ports: Pool, port_set: PortSet,
                   inbound: MapeInbound) -> list[Block]:
    """Return the chains that let out the shared address with a port of the set only.

    The border relay drops the rest anyway (RFC 7597 section 8.1); dropped here it is
    counted, and no private address shows outside. Every packet of every flow comes by, so
    what is mostly right is asked first: what leaves by the tunnel as it should, then what
    goes to the LAN, by the index of the device (nft.table.DeviceShortcut). To compare names
    costs as much as all of that.
    """
    fast = " ".join(inside(port_set, "th sport"))
    if ICMP_ECHO in port_set:
        fast = f"meta l4proto != icmp {fast}"
    said = (f"PSID {port_set.psid}: offset {port_set.psid_offset}, "
            f"length {port_set.psid_length} bits")

    def wrong(port: str) -> list[str]:
        return [noted(f"{condition} {REFUSE}", said) for condition in outside(port_set, port)]

    return [
        EGRESS_FILTER.block(
            *inbound.egress(),
            noted(f"ip saddr {ports.address} {fast} accept", said),
            *(DeviceShortcut(name, "accept") for name in config.lan.interfaces),
            f'oifname != "{config.mape.tunnel}" accept',
            f"ip saddr != {ports.address} {REFUSE}",
            f"meta l4proto icmp goto {EGRESS_FILTER_ICMP.name}",
            f"meta l4proto != {{ tcp, udp }} {REFUSE}",
            *wrong("th sport")),
        EGRESS_FILTER_ICMP.block("icmp type != echo-request accept", *wrong("icmp id")),
        *inbound.learning(),
    ]
