"""What a run notes for the next, derived from the steps it does. Pure.

Written down before a step where a crash in between would lose it (the value that stood
before ours), and after the steps where it describes their outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dualwan.observed import Memory
from dualwan.plan import SlicePlan
from dualwan.resources import Address, Sysctl, Table, Tunnel
from dualwan.slices import pbr


def before(memory: Memory, plan: SlicePlan, tunnel: str) -> Memory:
    """MEMORY as it must stand before the steps of PLAN; TUNNEL is the device of our own."""
    for step in plan.changes:
        item = step.resource
        if isinstance(item, Sysctl) and step.sign == "~" and isinstance(step.was, Sysctl):
            # In the order of setting, which reversed is the order of putting back.
            known = dict(memory.sysctls.get(plan.name, {}))
            known.setdefault(item.name, step.was.value)
            memory = replace(memory, sysctls={**memory.sysctls, plan.name: known})
        elif isinstance(item, Address) and step.sign == "+" and item.device != tunnel:
            memory = replace(memory, addresses=(*memory.addresses, item))
        elif isinstance(item, Tunnel) and step.sign == "+":
            memory = replace(memory, tunnel=item.name)
    return memory


def after(memory: Memory, plan: SlicePlan, up: bool, pppoe: str,
          listings: Mapping[str, str]) -> Memory:
    """MEMORY once the steps of PLAN are done.

    pppoe: the address of PPPoE now; listings: how nft shows the tables that were loaded.
    """
    sysctls = {owner: dict(values) for owner, values in memory.sysctls.items()}
    tables = dict(memory.tables)
    for step in plan.changes:
        item, gone = step.resource, step.sign == "-"
        if isinstance(item, Sysctl) and gone:
            sysctls.get(plan.name, {}).pop(item.name, None)
        elif isinstance(item, Address) and gone:
            kept = tuple(there for there in memory.addresses if there != item)
            memory = replace(memory, addresses=kept)
        elif isinstance(item, Tunnel) and gone and memory.tunnel == item.name:
            memory = replace(memory, tunnel="")
        elif isinstance(item, Table) and gone:
            tables.pop(item.name, None)
        elif isinstance(item, Table):
            tables[item.name] = (item.content, listings.get(item.name, ""))
    if not up:
        sysctls.pop(plan.name, None)
    if plan.name == pbr.NAME:
        memory = replace(memory, pppoe=(pppoe or memory.pppoe) if up else "")
    return replace(memory, sysctls=sysctls, tables=tables)
