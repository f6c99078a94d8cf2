"""The outcome of a command or rule: the key that does the same, or why none does. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from dualwan.config import values


class Outcome(NamedTuple):
    """The outcome of one command.

    key: of dualwan.toml, dotted; "" if no key is needed or none does it. value: what the command
    asks for under that key, None if any value of the key does it; for a policy that drops, the
    chain. says: a sentence.
    done: whether this program does what the command did.
    """

    key: str = ""
    value: Any = None
    says: str = ""
    done: bool = True


class Entry(NamedTuple):
    """A command with its outcome. place: FILE:LINE. text: the command as it is written."""

    place: str
    text: str
    outcome: Outcome


CLOSED = "closed"  # the key of a rule that refuses ports, for which there is none


class Closed(NamedTuple):
    """Ports of the router that were refused, such as "tcp/22"; first: before all other rules."""

    ports: tuple[str, ...]
    first: bool = False


class Inbound(NamedTuple):
    """A port of the router that was open, such as "tcp/22".

    sources: the networks that might use it, () for all. guard: whether attempts were limited.
    """

    port: str
    sources: tuple[str, ...] = ()
    guard: bool = False


class Redirect(NamedTuple):
    """A port of an outer address that led to a LAN host. to: ADDRESS or ADDRESS:PORT."""

    via: str
    protocol: str
    port: int
    to: str
    sources: tuple[str, ...] = ()


_NAMES: dict[str, Callable[[str], object]] = {
    "wan.interface": values.interface_name,
    "lan.interfaces": lambda text: values.interfaces(text.replace(",", " ").split()),
    "pppoe.peer": values.peer,
}


def named(key: str, name: str, says: str) -> Outcome:
    """Return the outcome of a command with a ``name`` for ``key``, if it takes that."""
    try:
        _NAMES.get(key, str)(name)
    except ValueError as error:
        return not_taken(str(error))
    return Outcome(key, name, says)


def by_itself(says: str) -> Outcome:
    """Return the outcome of a command whose work this program does without a key."""
    return Outcome(says=says)


def not_taken(why: str) -> Outcome:
    """Return the outcome of a command that has no successor here."""
    return Outcome(says=why, done=False)
