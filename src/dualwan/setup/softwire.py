"""The MAP-E rule that the line's prefix matches, and whether the values of mape.sh agree. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dualwan.config import values
from dualwan.config.mape import MANUAL, SOURCES
from dualwan.errors import MapeError
from dualwan.mape.portset import PortSet
from dualwan.mape.rule import CeParameters, derive
from dualwan.mape.table import AUTO, RuleTable
from dualwan.setup.outcome import Entry
from dualwan.setup.wish import Setting, asked, toml
from dualwan.words import say

_BY_HAND = {"br": values.ipv6, "ce": values.ipv6, "ipv4": values.ipv4}
_BLOCKS = (6, 6)  # psid-offset and psid-length of a script that does not calculate its ports


@dataclass(frozen=True)
class ByHand:
    """The values of mape.sh: addresses as text, PSID offset and length in bits."""

    br: str
    ce: str
    ipv4: str
    psid: int
    offset: int = 6
    length: int = 6
    origins: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    def settings(self) -> tuple[Setting, ...]:
        """Return the keys for provider = "manual"."""
        given: dict[str, Any] = {
            "provider": MANUAL,
            "br": self.br,
            "ce": self.ce,
            "ipv4": self.ipv4,
            "psid": self.psid,
            "psid-length": self.length,
            "psid-offset": self.offset,
        }
        places = dict(self.origins)
        return tuple(
            Setting("mape", key, toml(one), places.get(key, "")) for key, one in given.items()
        )

    def is_of(self, found: CeParameters) -> bool:
        """Whether ``found``, which was derived from a rule, agrees."""
        ports = found.port_set
        return (self.ce, self.ipv4, self.psid, self.offset, self.length) == (
            str(found.ce),
            str(found.ipv4),
            ports.psid,
            ports.psid_offset,
            ports.psid_length,
        ) and self.br == str(found.br or self.br)


@dataclass(frozen=True)
class Softwire:
    """The softwire to propose. provider: the value of the key.

    says: sentences for the person. works: whether it can work.
    """

    provider: str
    says: tuple[str, ...]
    works: bool = True


def by_hand(entries: Sequence[Entry]) -> tuple[ByHand | None, tuple[str, ...]]:
    """Return the values of mape.sh, None if some are missing, and sentences about wrong ones."""
    found: dict[str, Any] = {}
    wrong: list[str] = []
    origins: dict[str, str] = {}
    for key, convert in _BY_HAND.items():
        for value, place in asked(entries, f"mape.{key}"):
            origins.setdefault(key, place)
            try:
                found.setdefault(key, str(convert(value)))
            except ValueError as error:
                wrong.append(say("{place}: {error}", place=place, error=error))
    blocks = _BLOCKS
    for value, place in asked(entries, "mape.psid-length"):
        blocks = value
        origins |= {"psid-length": place, "psid-offset": place}
    for value, place in asked(entries, "mape.psid"):
        try:
            PortSet(int(value), *blocks)
        except (MapeError, ValueError):
            wrong.append(
                say(
                    "{place}: {value!r} is no PSID of {length} bits",
                    place=place,
                    value=value,
                    length=blocks[1],
                )
            )
        else:
            found.setdefault("psid", int(value))
            origins.setdefault("psid", place)
    if {*found} != {*_BY_HAND, "psid"}:
        return None, tuple(wrong)
    return ByHand(
        **found, offset=blocks[0], length=blocks[1], origins=tuple(origins.items())
    ), tuple(wrong)


def decide(
    prefixes: Sequence[str], hand: ByHand | None, rules: RuleTable, provider: str = ""
) -> Softwire:
    """Return the softwire to propose, by the line's ``prefixes`` and the values of mape.sh.

    ``provider``: the person's choice, whose rules alone count; "" to propose one.
    """
    if provider in SOURCES:
        return Softwire(
            provider,
            (say("the line's {provider} source is asked when the WAN is up", provider=provider),),
        )
    said, found = _by_rule(prefixes, rules, provider)
    if hand is None or provider not in {"", AUTO, MANUAL}:
        return Softwire(provider or AUTO, tuple(said), found is not None or not prefixes)
    if found is None:
        return _without_rule(hand, said, rules, provider)
    if hand.is_of(found):
        said.append(say("mape.sh has the same values: they need not be written down"))
    else:
        said.append(
            say(
                "mape.sh has other values (IPv4 {ipv4}, PSID {psid}, CE {ce}, BR "
                "{br}): the rule goes before them, for it follows the prefix; provider "
                '"{manual}" takes those of the script',
                ipv4=hand.ipv4,
                psid=hand.psid,
                ce=hand.ce,
                br=hand.br,
                manual=MANUAL,
            )
        )
    return Softwire(provider or AUTO, tuple(said))


def port_set(prefixes: Sequence[str], rules: RuleTable, provider: str) -> PortSet | None:
    """Return the line's port set by the first of ``prefixes`` with a rule, None without one."""
    if provider in {MANUAL, *SOURCES}:
        return None
    found = _by_rule(prefixes, rules, provider)[1]
    return found.port_set if found else None


def _by_rule(
    prefixes: Sequence[str], rules: RuleTable, provider: str
) -> tuple[list[str], CeParameters | None]:
    """Return sentences about each of ``prefixes``, and the CE by the first with a rule."""
    said: list[str] = []
    for prefix in prefixes:
        try:
            rule = rules.lookup(prefix, AUTO if provider in {"", MANUAL} else provider)
            found = derive(rule, prefix)
        except MapeError as error:
            said.append(str(error))
            continue
        ports = found.port_set
        said.append(
            say(
                "the prefix {prefix} matches a rule of {provider} ({rule}): IPv4 "
                "{ipv4}, PSID {psid}, {count} ports, CE {ce}, BR {br}",
                prefix=prefix,
                provider=rule.provider,
                rule=rule,
                ipv4=found.ipv4,
                psid=ports.psid,
                count=len(ports),
                ce=found.ce,
                br=found.br or say("not known"),
            )
        )
        said += found.warnings
        return said, found
    if not prefixes:
        said.append(
            say(
                "no prefix is on the WAN now, so no rule can be named; the one that "
                "matches is taken when the line announces it"
            )
        )
    return said, None


def _without_rule(hand: ByHand, said: list[str], rules: RuleTable, provider: str) -> Softwire:
    """Return the proposal by the values of mape.sh alone, as no announced prefix has a rule."""
    try:
        found = derive(rules.lookup(hand.ce), hand.ce)
    except MapeError:
        found = None
    if found is not None and hand.is_of(found):
        said.append(
            say(
                "the values of mape.sh are what a rule of {provider} says of its CE "
                "address: they need not be written down",
                provider=found.rule.provider,
            )
        )
        return Softwire(provider or AUTO, tuple(said))
    said.append(
        say("no rule says what mape.sh says: its BR, CE, IP4 and PSID are taken as they are")
    )
    return Softwire(provider or MANUAL, tuple(said))
