"""The pbr slice: what came by PPPoE goes back by PPPoE. Pure.

Table TABLE holds a default route through the PPPoE device. Two rules lead there: by source
address, for the router's own sockets, and by mark, for answers that carry another address
while they are routed (a server behind the router). Only the first names the address, so
only it changes when PPPoE comes back with another one.

Where flows that began by MAP-E could be led to PPPoE later (failover), they have a mark, a
rule and a table of their own too.
"""

from __future__ import annotations

from dualwan.config import Config
from dualwan.model.observed import Observed
from dualwan.model.plan import SlicePlan, diff, flow_steps, restore_steps, sysctl_steps
from dualwan.model.resources import MAIN, Resource, Route, Rule, Sysctl
from dualwan.nft.table import NftTable, base_chain, counter, quoted
from dualwan.slices import marks
from dualwan.slices.tables import table_plan
from dualwan.slices.tunnel import LAST, LOOSE, SECOND, is_ours, rp_filter

NAME = "pbr"
TABLE = "dualwan_pbr"


def sysctl_names(config: Config) -> tuple[str, ...]:
    """Every sysctl the slice may look at."""
    return (rp_filter(config.pppoe.interface),)


def wanted_table(config: Config) -> NftTable:
    """Marks the connections that belong to PPPoE, and restores the mark of each packet.

    A connection keeps the way on which it began, so that a failover moves only new ones. One
    that was translated to MAP-E's address and is routed here all the same does not leave.
    """
    ppp, lans = config.pppoe.interface, quoted(config.lan.interfaces)
    # What came out of the tunnel may still carry the mark of the packet around it.
    clear = f'iifname "{config.mape.tunnel}" meta mark set meta mark & {marks.KEEP:#010x}'
    ways = [(ppp, marks.PPPOE)]
    if config.keeps_mape:
        ways.append((config.mape.tunnel, marks.MAPE))
    restore = [f"{marks.is_ours('ct mark', mark)} {marks.assign('meta mark', mark)}"
               for _, mark in ways]
    chosen = ", ".join(map(str, config.lan.via_pppoe))
    via = ([f"iifname {lans} ip saddr {{ {chosen} }} fib daddr type != local "
            f"fib daddr oifname != {lans} {marks.assign('meta mark')}"] if chosen else [])
    return NftTable("ip", TABLE, (
        base_chain("prerouting",
              "type filter hook prerouting priority mangle; policy accept;",
              clear,
              *(f'iifname "{device}" ct state new {marks.assign("ct mark", mark)}'
                for device, mark in ways),
              *via,
              *(f'iifname != "{device}" {rule}'
                for (device, _), rule in zip(ways, restore, strict=True)),
              comment="a flow that came in by a WAN is marked; answers get its mark back"),
        base_chain("output",
              "type route hook output priority mangle; policy accept;",
              *restore,
              comment="the same for what the router itself answers"),
        base_chain("postrouting",
              "type filter hook postrouting priority mangle; policy accept;",
              *(f'oifname "{device}" ct status ! confirmed {marks.assign("ct mark", mark)}'
                for device, mark in ways),
              comment="a flow that begins by a WAN stays on it"),
        counter("misplaced"),
        base_chain("leaving",
              "type filter hook postrouting priority srcnat + 10; policy accept;",
              f'oifname "{ppp}" fib saddr . oif type != local counter name misplaced drop',
              comment="nothing leaves by PPPoE with an address that is not PPPoE's"),
    ))


def _wanted(config: Config, address: str) -> list[Resource]:
    pppoe = config.pppoe
    wanted: list[Resource] = []
    if config.lan.via_pppoe and config.lan.fallback == "none":
        wanted.append(Route(pppoe.table, "", LAST))
    if address:
        wanted += [Route(pppoe.table, pppoe.interface),
                   Rule(pppoe.priority, pppoe.table, address)]
        if config.wan.failover:
            wanted.append(Route(MAIN, pppoe.interface, SECOND))
    wanted.append(Rule(pppoe.priority + 1, pppoe.table, mark=marks.PPPOE, mask=marks.MASK))
    if config.keeps_mape:
        wanted.append(Rule(pppoe.priority + 2, config.mape_table, mark=marks.MAPE,
                           mask=marks.MASK))
    return wanted


def stale_addresses(observed: Observed, address: str, up: bool) -> set[str]:
    """Addresses that PPPoE had and has no longer.

    While PPPoE is down its flows are kept: it may come back with the same address.
    """
    if up and not address:
        return set()
    named = {rule.source for rule in observed.rules} | {observed.memory.pppoe}
    return named - {"", address if up else ""}


def plan(config: Config, observed: Observed, up: bool) -> SlicePlan:
    """Steps that make routing follow PPPoE as it is now, or take it all away."""
    address = observed.address_of(config.pppoe.interface)
    owned: list[Resource] = [*(route for route in observed.routes if not is_ours(route, config)),
                             *observed.rules]
    originals = observed.memory.sysctls.get(NAME, {})
    sysctls = [Sysctl(name, LOOSE) for name in sysctl_names(config)] if up else []
    nft, unseen = table_plan(NAME, wanted_table(config) if up else None, TABLE, observed)
    steps = (
        *restore_steps(originals, [item.name for item in sysctls], observed.sysctls),
        *sysctl_steps(sysctls, observed.sysctls),
        *nft,
        *diff(_wanted(config, address) if up else [], owned),
        *flow_steps(stale_addresses(observed, address, up)),
    )
    return SlicePlan(NAME, steps, unseen=unseen)
