"""What a run notes for the next, derived from the steps it does. Pure.

Written down before a step where a crash in between would lose it (the value that stood
before ours), and after the steps where it describes their outcome.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dualwan.model.observed import Memory
from dualwan.model.plan import SlicePlan, Step
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


def after_step(memory: Memory, name: str, step: Step, listing: str) -> Memory:
    """MEMORY once ``step`` of the slice ``name`` is done; ``listing`` is how nft shows a table."""
    item, gone = step.resource, step.sign == "-"
    if isinstance(item, Sysctl) and gone:
        left = {key: value for key, value in memory.sysctls.get(name, {}).items()
                if key != item.name}
        return replace(memory, sysctls={**memory.sysctls, name: left})
    if isinstance(item, Address) and gone:
        kept = tuple(there for there in memory.addresses if there.key != item.key)
        return replace(memory, addresses=kept)
    if isinstance(item, Tunnel) and gone:
        return replace(memory, tunnels=tuple(
            there for there in memory.tunnels if there != item.name))
    if isinstance(item, NftTable):
        others = {key: value for key, value in memory.tables.items() if key != item.name}
        known = {} if gone else {item.name: (item, listing)}
        return replace(memory, tables=others | known)
    return memory


@dataclass(frozen=True)
class Outcome:
    """What stands after a slice was brought up: addresses "" for none.

    pppoe, mape: IPv4 addresses; prefix: what MAP-E was derived from.
    """

    pppoe: str = ""
    mape: str = ""
    prefix: str = ""


def after_slice(memory: Memory, name: str, up: bool, outcome: Outcome) -> Memory:
    """MEMORY once all steps of the slice ``name`` are done."""
    if not up:
        memory = replace(memory, sysctls={owner: values for owner, values
                                          in memory.sysctls.items() if owner != name})
    if name == pbr.NAME:
        memory = replace(memory, pppoe=(outcome.pppoe or memory.pppoe) if up else "")
    if name == tunnel.NAME and up:  # after ifdown they tell what to clean up at ifup
        memory = replace(memory, mape=outcome.mape or memory.mape,
                         prefix=outcome.prefix or memory.prefix)
    return memory
