"""What becomes of a command or rule: the key that does it, or the sentence why none does. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """What becomes of one command.

    key: of dualwan.toml, dotted; "" if no key is needed or none does it. value: what the command
    asks for under that key, None if the key does it whatever its value is; of a policy that drops
    the chain. says: a sentence.
    done: whether the product does what the command did.
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


def by_itself(says: str) -> Outcome:
    """Return the outcome of a command whose work is done without any key."""
    return Outcome(says=says)


def not_taken(why: str) -> Outcome:
    """Return the outcome of a command that is not taken over."""
    return Outcome(says=why, done=False)
