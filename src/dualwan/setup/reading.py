"""The old scripts and the rules in the kernel, parsed and evaluated together. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce

from dualwan.model.setup import SetupMachine, SourceFile
from dualwan.setup import saved, script, shell, softwire
from dualwan.setup.names import Names
from dualwan.setup.outcome import Entry
from dualwan.setup.saved import Saved
from dualwan.setup.softwire import ByHand
from dualwan.setup.wish import Wish, asked, wish


@dataclass(frozen=True)
class Reading:
    """The result of reading. accounts: each file with its commands. others: foreign chains.

    wish: the keys that the commands ask for. hand: the values of mape.sh. wrong: invalid values.
    """

    accounts: tuple[tuple[SourceFile, tuple[Entry, ...]], ...] = ()
    others: tuple[str, ...] = ()
    wish: Wish = field(default_factory=Wish)
    hand: ByHand | None = None
    wrong: tuple[str, ...] = ()

    @property
    def entries(self) -> list[Entry]:
        """The entries of all files."""
        return [entry for _, entries in self.accounts for entry in entries]

    def said(self, key: str) -> list[tuple[str, str]]:
        """Return the values asked for under ``key`` as text, each once, with their places."""
        found: dict[str, str] = {}
        for value, place in asked(self.entries, key):
            found.setdefault(str(value), place)
        return list(found.items())


def is_readable(file: SourceFile) -> bool:
    """Whether ``file`` is a script or saved rules of a kind that this program can parse."""
    return saved.is_saved(file.text) or bool(script.kind(file.text))


def read(machine: SetupMachine) -> Reading:
    """Return the result of reading the files of ``machine``."""
    scripts = [one for one in machine.scripts if not saved.is_saved(one.text)]
    printed = [*machine.rules, *(one for one in machine.scripts if saved.is_saved(one.text))]
    names = [script.names_in(shell.commands(one.text)) for one in scripts]
    together = reduce(Names.beside, names, Names())
    accounts = [(one, tuple(script.account(one, together))) for one in scripts]
    parts: list[Saved] = []
    for one in printed:
        part = saved.account(one, together, scripts=bool(scripts))
        parts.append(part)
        if part.entries:
            accounts.append((one, tuple(part.entries)))
    entries = [entry for _, found in accounts for entry in found]
    hand, wrong = softwire.by_hand(entries)
    return Reading(tuple(accounts), saved.merged(parts).others, wish(entries), hand, wrong)
