"""What a run notes for the next, derived from the steps it does. Pure.

Written down before a step where a crash in between would lose it (the value that stood
before ours), and after the steps where it describes their outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dualwan.model.observed import Memory
from dualwan.model.plan import SlicePlan
from dualwan.model.resources import Address, Sysctl, Tunnel
from dualwan.nft.table import NftTable
from dualwan.slices import pbr, tunnel


def before(memory: Memory, plan: SlicePlan, device: str) -> Memory:
    """MEMORY as it must stand before the steps of PLAN; DEVICE is the tunnel, our own."""
    for step in plan.changes:
        item = step.resource
        if isinstance(item, Sysctl) and step.sign == "~" and isinstance(step.was, Sysctl):
            # In the order of setting, which reversed is the order of putting back.
            known = dict(memory.sysctls.get(plan.name, {}))
            known.setdefault(item.name, step.was.value)
            memory = replace(memory, sysctls={**memory.sysctls, plan.name: known})
        elif isinstance(item, Address) and step.sign == "+" and item.device != device:
            others = [there for there in memory.addresses if there.key != item.key]
            memory = replace(memory, addresses=(*others, item))
        elif isinstance(item, Tunnel) and step.sign == "+":
            memory = replace(memory, tunnels=tuple(dict.fromkeys((*memory.tunnels, item.name))))
    return memory


@dataclass(frozen=True)
class Outcome:
    """What stands after a slice was brought up: addresses "" for none.

    pppoe, mape: IPv4 addresses; prefix: what MAP-E was derived from; listings: how nft
    shows the tables that were loaded.
    """

    pppoe: str = ""
    mape: str = ""
    prefix: str = ""
    listings: Mapping[str, str] = field(default_factory=dict)


def after(memory: Memory, plan: SlicePlan, up: bool, outcome: Outcome) -> Memory:
    """MEMORY once the steps of PLAN are done."""
    sysctls = {owner: dict(values) for owner, values in memory.sysctls.items()}
    tables = dict(memory.tables)
    for step in plan.changes:
        item, gone = step.resource, step.sign == "-"
        if isinstance(item, Sysctl) and gone:
            sysctls.get(plan.name, {}).pop(item.name, None)
        elif isinstance(item, Address) and gone:
            kept = tuple(there for there in memory.addresses if there.key != item.key)
            memory = replace(memory, addresses=kept)
        elif isinstance(item, Tunnel) and gone:
            kept_tunnels = tuple(name for name in memory.tunnels if name != item.name)
            memory = replace(memory, tunnels=kept_tunnels)
        elif isinstance(item, NftTable) and gone:
            tables.pop(item.name, None)
        elif isinstance(item, NftTable):
            tables[item.name] = (item, outcome.listings.get(item.name, ""))
    if not up:
        sysctls.pop(plan.name, None)
    if plan.name == pbr.NAME:
        memory = replace(memory, pppoe=(outcome.pppoe or memory.pppoe) if up else "")
    if plan.name == tunnel.NAME and up:  # after ifdown they tell what to clean up at ifup
        memory = replace(memory, mape=outcome.mape or memory.mape,
                         prefix=outcome.prefix or memory.prefix)
    return replace(memory, sysctls=sysctls, tables=tables)
