"""Chains of other programs as values, and what their rules may do. Pure."""

from __future__ import annotations

from typing import NamedTuple

ACCEPT, DROP, RETURN = "accept", "drop", "return"
JUMP, GOTO = "jump", "goto"
TRANSLATE = "translate"  # the address or port of the flow
NOTRACK = "notrack"  # the flow has no conntrack entry, so nothing can translate it
SET_MARK = "set-mark"  # of the packet; the argument is the mask of the bits that it keeps
OFFLOAD = "offload"  # into a flowtable: later packets of the flow pass no chain


class Condition(NamedTuple):
    """A match of a rule: the packet's ``field`` has one of ``values``.

    field: a field of judge.Packet, or "" for a match that this program does not know.
    """

    field: str
    values: tuple[str, ...] = ()
    negated: bool = False


UNKNOWN = Condition("")


class Rule(NamedTuple):
    """A rule: its conditions, and one of the actions above, "" for none of these.

    argument: the chain of a jump or goto, the mask of SET_MARK.
    """

    conditions: tuple[Condition, ...] = ()
    action: str = ""
    argument: str = ""


class Chain(NamedTuple):
    """A chain of another program.

    table: as its program names it, such as "nft table ip filter". family: ip, ip6, inet or
    netdev. kind: filter, nat or route. hook: "" for a chain that others jump to. devices: of a
    chain of netdev, those that it is hooked to.
    """

    table: str
    family: str
    name: str
    kind: str = ""
    hook: str = ""
    priority: int = 0
    policy: str = ACCEPT
    rules: tuple[Rule, ...] = ()
    devices: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The base chain for a person."""
        return (
            f"{self.table}, chain {self.name} (hook {self.hook}, priority {self.priority}, "
            f"policy {self.policy})"
        )
