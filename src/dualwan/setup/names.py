"""The role of an interface or chain in a script's rules. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dualwan.setup.rule import ADDING, BASE, Rule, bases

PPPOE, MAPE, LAN, LOOPBACK, WAN, ANY = "pppoe", "mape", "lan", "lo", "wan", ""
_TUNNELS = ("ip6tnl", "mape")


@dataclass(frozen=True)
class Names:
    """The names of one script, or of the kernel's rules.

    wan: the line's interface, "" if unknown. tunnels, sessions, lans: further interfaces.
    bases: the built-in chain that leads to a chain, by table and chain. guards: chains that count
    connections (-m recent). chains: those that the rules themselves create. narrowed: table and
    name of those to which no jump leads all packets that come by PPPoE, or leave.
    """

    wan: str = ""
    tunnels: frozenset[str] = frozenset()
    sessions: frozenset[str] = frozenset()
    lans: frozenset[str] = frozenset()
    bases: tuple[tuple[tuple[str, str], str], ...] = ()
    guards: frozenset[str] = frozenset()
    chains: frozenset[str] = frozenset()
    narrowed: frozenset[tuple[str, str]] = frozenset()

    def beside(self, others: Names) -> Names:
        """Return these names, with the interfaces of ``others`` added."""
        return replace(
            self,
            wan=self.wan or others.wan,
            tunnels=self.tunnels | others.tunnels,
            sessions=self.sessions | others.sessions,
            lans=self.lans | others.lans,
        )

    def part(self, device: str) -> str:
        """Return the role of a rule's ``device``: one of the parts, or ANY for "" and for all."""
        name = device.rstrip("+")
        if not name:
            return ANY
        if name == "lo":
            return LOOPBACK
        if device in self.sessions or name.startswith("ppp"):
            return PPPOE
        if device in self.tunnels or name.startswith(_TUNNELS):
            return MAPE
        return WAN if device == self.wan else LAN

    def base(self, rule: Rule) -> str:
        """Return the built-in chain that leads to the rule's chain, "" if unknown."""
        return dict(self.bases).get((rule.table, rule.chain), "")


def known(
    rules: Iterable[Rule],
    wan: str = "",
    tunnels: Iterable[str] = (),
    sessions: Iterable[str] = (),
    lans: Iterable[str] = (),
) -> Names:
    """Return the names in ``rules``, and those from variables or files."""
    all_rules = list(rules)
    adding = [rule for rule in all_rules if rule.command in ADDING]
    counting = ("--rcheck", "--set", "--hitcount")
    found = Names(
        wan,
        frozenset(tunnels),
        frozenset(sessions),
        frozenset(lans),
        tuple(bases(all_rules).items()),
        frozenset(rule.chain for rule in adding if rule.conditions & {*counting}) - {*BASE},
        frozenset(rule.chain for rule in all_rules) - {*BASE},
    )
    return replace(found, narrowed=_narrowed(found, adding))


def _narrowed(names: Names, adding: Sequence[Rule]) -> frozenset[tuple[str, str]]:
    jumps = [rule for rule in adding if rule.target in names.chains]
    targets = {(rule.table, rule.target) for rule in jumps}
    wide = {(rule.table, rule.chain) for rule in jumps} - targets
    for _ in range(8):  # levels of jumps, as in bases()
        for rule in jumps:
            if (rule.table, rule.chain) in wide and _is_wide(names, rule):
                wide.add((rule.table, rule.target))
    return frozenset(targets - wide)


def _is_wide(names: Names, jump: Rule) -> bool:
    """Whether ``jump`` is taken by all packets of a protocol that come by PPPoE, or leave."""
    ways = {PPPOE, ANY} if jump.of("-i") else {PPPOE, MAPE, WAN, ANY}
    leaves = names.base(jump) == "OUTPUT"
    return (
        jump.only("-i", "-o", "-p", "--state", "--syn", "-s" if leaves else "-d")
        and names.part(jump.of("-i") or jump.of("-o")) in ways
        and not jump.is_for_answers
        and not jump.is_inside
    )
