"""Outcomes of the rules in the kernel, as iptables-save(8) prints them. Pure.

Only rules in built-in chains, and in those of mape.sh and pppoe.sh, can be a person's; the chains
of other programs are left as they are.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dualwan.model.setup import SourceFile
from dualwan.setup.names import Names, known
from dualwan.setup.nat_rules import ruled
from dualwan.setup.outcome import Entry, by_itself, not_taken
from dualwan.setup.rule import BASE, Rule, parse
from dualwan.words import say

_SAVED = re.compile(r"^\*(filter|nat|mangle|raw|security)\s*$", re.MULTILINE)
_POLICY = re.compile(r":(INPUT|OUTPUT|FORWARD) DROP .*")
_OF_SCRIPTS = ("MAPE", "PPPOE")  # beginnings of their chains
_FOREIGN = not_taken(say("leads to chains of another program, which stay as they are"))
_SAME = by_itself(say("as the script says"))


class Saved(NamedTuple):
    """Saved rules: those with an outcome, and the names of other programs' chains."""

    entries: list[Entry]
    others: tuple[str, ...] = ()


def is_saved(text: str) -> bool:
    """Whether ``text`` is what iptables-save prints."""
    return bool(_SAVED.search(text))


def account(saved: SourceFile, names: Names | None = None, *, scripts: bool = False) -> Saved:
    """Return each rule of a person in ``saved`` with its outcome.

    ``names``: the interfaces named in the scripts that were read. ``scripts``: whether any were, so
    that the rules of their chains need no second outcome.
    """
    printed = list(_rules(saved))
    rules = [rule for _, _, rule in printed]
    given = names or Names()
    here = known(rules, given.wan, given.tunnels, given.sessions, given.lans)
    entries, others = [], []
    for place, text, rule in printed:
        own = rule.chain.startswith(_OF_SCRIPTS)
        if not own and rule.chain not in BASE:
            others.append(rule.chain)
        elif rule.target in here.chains and not rule.target.startswith(_OF_SCRIPTS):
            entries.append(Entry(place, text, _FOREIGN))
        elif scripts and (own or rule.target.startswith(_OF_SCRIPTS)):
            entries.append(Entry(place, text, _SAME))
        else:
            entries.append(Entry(place, text, ruled(rule, here)))
    return Saved(entries, tuple(dict.fromkeys(others)))


def _rules(saved: SourceFile) -> Iterator[tuple[str, str, Rule]]:
    """Yield place, text and parts of each rule."""
    program = "ip6tables" if "ip6tables" in saved.path else "iptables"
    table = "filter"
    for number, line in enumerate(saved.text.splitlines(), 1):
        if line.startswith("*"):
            table = line[1:].strip()
        policy = _POLICY.fullmatch(line)
        if not policy and not line.startswith("-A "):
            continue
        words = ["-P", policy[1], "DROP"] if policy else _words(line)
        rule = parse((program, "-t", table, *words)) if words else None
        if rule is not None:
            shown = line if table == "filter" else f"-t {table} {line}"
            yield f"{saved.path}:{number}", f"{program} {shown}", rule


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # an unterminated quote
        return line.split()


def merged(parts: Sequence[Saved]) -> Saved:
    """Return all ``parts`` as one."""
    return Saved(
        [entry for part in parts for entry in part.entries],
        tuple(dict.fromkeys(name for part in parts for name in part.others)),
    )
