"""The IPv6 address of DS-Lite's AFTR, from its name. All I/O goes through LineServices.

The last address outlives a boot, with the prefix that the line had then: it is used while no
name server answers.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv6Address

from dualwan.config.mape import DsLite
from dualwan.errors import RemoteError
from dualwan.line.provisioning.answer import DAY, check_end
from dualwan.line.provisioning.cache import Entry
from dualwan.line.provisioning.source import LineServices
from dualwan.model.state import RunState

SOURCE = "aftr"  # in the cache, beside the sources of provisioning


def known(mape: DsLite, state: RunState, prefixes: Collection[str], services: LineServices) -> str:
    """Return the address of the AFTR, "" if it is not known.

    That is the configured one, else the last that a name server gave since the ifup, else the last
    that one gave while the line had one of ``prefixes``.
    """
    if ":" in mape.aftr:
        return mape.aftr
    if state.aftr and state.aftr_name in {"", mape.aftr}:
        return _checked(state.aftr)
    entry = services.load_answers().entries.get(SOURCE)
    if entry and entry.origin == mape.aftr and entry.prefix in prefixes:
        return _checked(entry.text)
    return ""


def remember(name: str, address: str, prefix: str, services: LineServices) -> None:
    """Save ``address``, for the next boot, and that it was given now; raises HostError."""
    answers = services.load_answers()
    entry = Entry(name, services.now(), prefix, address)
    if prefix and answers.entries.get(SOURCE) != entry:
        services.save_answers(answers.with_entry(SOURCE, entry))


def left(mape: DsLite, prefixes: Collection[str], services: LineServices) -> int:
    """Return the seconds until the name is to be asked for again, 0 to DAY.

    The record's own time to live does not count: an AFTR seldom moves, and whoever forges an answer
    could have it asked for as often as they like.
    """
    entry = services.load_answers().entries.get(SOURCE)
    if entry is None or entry.origin != mape.aftr or entry.prefix not in prefixes:
        return 0
    age = services.now() - entry.time
    return max(DAY - age, 0) if age >= 0 else 0  # the clock was set back since


def _checked(text: str) -> str:
    """Return ``text`` if it can be the address of an AFTR, or ""."""
    try:
        address = IPv6Address(text)
        check_end(address, "the AFTR")
    except (ValueError, RemoteError):
        return ""
    return str(address)
