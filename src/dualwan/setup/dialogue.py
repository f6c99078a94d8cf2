"""The questions of `dualwan-hook init`, and the settings that follow from the answers. Pure.

The person is behind ``Talk``; without a person, options and scripts have to give the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from dualwan.config import values
from dualwan.config.forwards import MAPE, not_in_set
from dualwan.config.mape import MANUAL, SOURCES
from dualwan.config.sections import Pppoe
from dualwan.errors import UsageError, UsageErrors
from dualwan.mape.table import AUTO, RuleTable
from dualwan.model.setup import SetupMachine
from dualwan.setup import nics, shown, softwire
from dualwan.setup.reading import Reading
from dualwan.setup.wish import Setting, toml
from dualwan.toml_source import unknown
from dualwan.words import listed, say

T = TypeVar("T")

NO_PEER = "none"  # the answer of an owner without PPPoE
_YES = ("y", "yes")
_NO = ("n", "no")


class Talk(Protocol):
    """The person at the terminal."""

    def say(self, line: str = "") -> None:
        """Show ``line``."""

    def ask(self, question: str) -> str:
        """Return the answer to ``question``; raises EOFError if the person has ended the input."""


@dataclass(frozen=True)
class Given:
    """The answers that the command line gives; "" and () are no answers."""

    wan: str = ""
    lan: tuple[str, ...] = ()
    provider: str = ""
    peer: str = ""


@dataclass(frozen=True)
class Answers:
    """The answers for the configuration. peer: NO_PEER for none. says: remarks for the person."""

    wan: str
    lan: tuple[str, ...]
    provider: str
    peer: str
    says: tuple[str, ...] = ()

    def settings(self, reading: Reading) -> tuple[Setting, ...]:
        """Return the keys of these answers, and the other keys that the scripts ask for."""
        origins = dict(reading.said("wan.interface")), dict(reading.said("lan.interfaces"))
        found = [
            Setting("wan", "interface", toml(self.wan), origins[0].get(self.wan, "")),
            Setting("lan", "interfaces", toml(list(self.lan)), origins[1].get(self.lan[0], "")),
        ]
        if self.provider == MANUAL and reading.hand:
            found += reading.hand.settings()
        elif self.provider != AUTO:
            found.append(Setting("mape", "provider", toml(self.provider)))
        if self.peer == NO_PEER:
            found.append(Setting("pppoe", "dial", toml(value=False)))
        elif self.peer != Pppoe.peer:
            origin = dict(reading.said("pppoe.peer")).get(self.peer, "")
            found.append(Setting("pppoe", "peer", toml(self.peer), origin))
        return (*found, *reading.wish.settings)


@dataclass(frozen=True)
class Known:
    """The known facts before any question: the machine, its files, the rules of MAP-E."""

    machine: SetupMachine
    reading: Reading
    rules: RuleTable


def checked(given: Given, known: Known) -> Given:
    """Return ``given``; raises UsageErrors, with the option, for each invalid value."""
    options: tuple[tuple[str, Any, Callable[[Any], object]], ...] = (
        ("--wan", given.wan, values.interface_name),
        ("--lan", list(given.lan), values.interfaces),
        ("--provider", given.provider, _provider(known)),
        ("--peer", given.peer, values.peer),
    )
    wrong = []
    for option, value, convert in options:
        try:
            if value:
                convert(value)
        except ValueError as error:
            wrong.append(say("{option}: {error}", option=option, error=error))
    if wrong:
        raise UsageErrors(tuple(wrong))
    return given


def answers(known: Known, given: Given, talk: Talk, *, asking: bool) -> Answers:
    """Return the answers; ``asking``: whether a person may be asked.

    Raises UsageError, with the options that are missing, if neither options nor scripts name the
    interfaces and nobody may be asked; EOFError.
    """
    machine, reading = known.machine, known.reading
    said_wan = [name for name, _ in reading.said("wan.interface")]
    said_lan = [name for name, _ in reading.said("lan.interfaces")]
    if not asking:
        _check_enough(given, said_wan, said_lan)
    asker = _Asker(talk, asking=asking)
    wan = given.wan or asker.ask(
        say("WAN, the interface of the line"),
        *nics.propose_wan(machine, said_wan),
        values.interface_name,
    )
    said_lan = [name for name in said_lan if name != wan] or said_lan
    lan, why = nics.propose_lan(machine, wan, said_lan)
    chosen = given.lan or asker.ask(
        say("LAN, its interfaces with blanks between"), " ".join(lan), why, _interfaces
    )
    provider, doubts = _chosen_provider(known, given, wan, asker)
    doubts += _outside_the_set(known, wan, provider)
    peer = given.peer or asker.ask(
        say("PPPoE peer ({peers})", peers=", ".join([*machine.peers, NO_PEER])),
        _peer(machine, reading),
        "",
        values.peer,
    )
    says = [*nics.missing(machine, [wan, *chosen]), *doubts]
    if peer not in {*machine.peers, NO_PEER} and machine.peers_seen:
        says.append(say("/etc/ppp/peers/{peer} is missing; `pppoeconf` writes one", peer=peer))
    return Answers(wan, tuple(chosen), provider, peer, tuple(says))


def _chosen_provider(
    known: Known, given: Given, wan: str, asker: _Asker
) -> tuple[str, tuple[str, ...]]:
    """Return the provider, and doubts to repeat at the end if nothing can work with it."""
    nic = known.machine.nic(wan)
    prefixes = nic.prefixes if nic else ()
    hand, rules = known.reading.hand, known.rules
    proposed = softwire.decide(prefixes, hand, rules, given.provider)
    asker.say(proposed.says)
    provider = given.provider or asker.ask(
        say("Provider ({known})", known=", ".join(_providers(known))),
        proposed.provider,
        "",
        _provider(known),
    )
    if provider not in {proposed.provider, AUTO, MANUAL}:
        proposed = softwire.decide(prefixes, None, rules, provider)
        asker.say(proposed.says)
    return provider, () if proposed.works else proposed.says


def _outside_the_set(known: Known, wan: str, provider: str) -> tuple[str, ...]:
    """Return a sentence for each forward by MAP-E whose port is not in the line's port set."""
    nic = known.machine.nic(wan)
    ports = softwire.port_set(nic.prefixes if nic else (), known.rules, provider)
    return tuple(
        say("{place}: {why}", place=place, why=not_in_set(ports, one.port))
        for one, place in known.reading.wish.forwards
        if one.via == MAPE and ports is not None and one.port not in ports
    )


def agreed(talk: Talk, question: str) -> bool:
    """Whether the person agrees; raises EOFError."""
    while True:
        answer = talk.ask(say("{question} [y/n]: ", question=question)).strip().lower()
        if answer in _YES:
            return True
        if answer in _NO:
            return False
        talk.say(say("  y or n"))


class _Asker:
    """Asks until an answer is valid; without ``asking`` it takes the proposal."""

    def __init__(self, talk: Talk, *, asking: bool) -> None:
        self._talk, self._asking = talk, asking

    def say(self, sentences: Sequence[str]) -> None:
        """Show ``sentences``."""
        for line in shown.sentences(sentences):
            self._talk.say(line)

    def ask(self, question: str, default: str, why: str, convert: Callable[[str], T]) -> T:
        """Return the converted answer to ``question``; raises EOFError, UsageError."""
        choice = ""
        if default:
            choice = (
                say(" [{default}: {why}]", default=default, why=why) if why else f" [{default}]"
            )
        while self._asking:
            answer = (
                self._talk.ask(
                    say("{question}{choice}: ", question=question, choice=choice)
                ).strip()
                or default
            )
            try:
                return convert(answer)
            except ValueError as error:
                wrong = str(error) if answer else say("there is no proposal: name one")
                self._talk.say("  " + wrong)
        try:
            return convert(default)
        except ValueError as error:  # an odd name of the machine's own
            raise UsageError(str(error)) from None


def _check_enough(given: Given, wan: Sequence[str], lan: Sequence[str]) -> None:
    missing = [
        option
        for option, found in (("--wan NAME", given.wan or wan), ("--lan NAME", given.lan or lan))
        if not found
    ]
    if missing:
        raise UsageError(
            say(
                "init has no terminal to ask on, and needs {missing} (or --from FILE, "
                "a script that names the interfaces); --provider and --peer have "
                "defaults",
                missing=listed(" and ", missing),
            )
        )


def _interfaces(text: str) -> tuple[str, ...]:
    return values.interfaces(list(dict.fromkeys(text.replace(",", " ").split())))


def _providers(known: Known) -> list[str]:
    hand = [MANUAL] if known.reading.hand else []
    return [AUTO, *known.rules.providers, *SOURCES, *hand]


def _provider(known: Known) -> Callable[[str], str]:
    """Return a converter of a provider's name."""
    names = _providers(known)

    def convert(text: str) -> str:
        if text == MANUAL and known.reading.hand is None:
            raise ValueError(
                say(
                    "manual takes BR, CE, IP4 and PSID from mape.sh, and none with all "
                    "four was read; name it with --from FILE, or write them by hand "
                    "afterwards"
                )
            )
        if text not in names:
            raise ValueError(unknown(say("provider"), text, names))
        return text

    return convert


def _peer(machine: SetupMachine, reading: Reading) -> str:
    said = [name for name, _ in reading.said("pppoe.peer")]
    if said or Pppoe.peer in machine.peers or len(machine.peers) != 1:
        return (said or [Pppoe.peer])[0]
    return machine.peers[0]
