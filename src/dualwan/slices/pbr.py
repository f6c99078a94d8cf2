"""The pbr slice: what came by PPPoE goes back by PPPoE. Pure.

Table TABLE holds a default route through the PPPoE device. Two rules lead there: by source
address, for the router's own sockets, and by mark, for answers that carry another address
while they are routed (a server behind the router). Only the first names the address, so
only it changes when PPPoE comes back with another one.
"""

from __future__ import annotations

from dualwan.config import Config
from dualwan.observed import Observed
from dualwan.plan import SlicePlan, diff, flow_steps, restore_steps, sysctl_steps
from dualwan.resources import MAIN, Resource, Route, Rule, Sysctl, Table
from dualwan.slices import marks
from dualwan.slices.nft import block, table, table_plan
from dualwan.slices.tunnel import LOOSE, rp_filter

NAME = "pbr"
TABLE = "dualwan_pbr"


def sysctl_names(config: Config) -> tuple[str, ...]:
    """Every sysctl the slice may look at."""
    return (rp_filter(config.pppoe.interface),)


def wanted_table(config: Config) -> Table:
    """Marks a connection that came in by PPPoE, and its answers."""
    ppp = config.pppoe.interface
    # What came out of the tunnel may still carry the mark of the packet around it.
    clear = f'iifname "{config.mape.tunnel}" meta mark set meta mark & {marks.KEEP:#010x}'
    answers = f"ct direction reply {marks.is_ours('ct mark')} {marks.assign('meta mark')}"
    return table(
        "ip", TABLE,
        block("chain prerouting",
              "type filter hook prerouting priority mangle; policy accept;",
              clear,
              f'iifname "{ppp}" ct state new {marks.assign("ct mark")}',
              f'iifname != "{ppp}" {answers}'),
        block("chain output",
              "type route hook output priority mangle; policy accept;",
              answers),
    )


def _wanted(config: Config, address: str) -> list[Resource]:
    pppoe = config.pppoe
    by_mark = Rule(pppoe.priority + 1, pppoe.table, mark=marks.PPPOE, mask=marks.MASK)
    if not address:
        return [by_mark]
    return [Route(pppoe.table, pppoe.interface), Rule(pppoe.priority, pppoe.table, address),
            by_mark]


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
    owned: list[Resource] = [*(route for route in observed.routes if route.table != MAIN),
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
