"""The softwire's values by other sources: the line itself, and the table of rules. Pure."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import NamedTuple

from dualwan.config.mape import MapE
from dualwan.doctor.check import Case
from dualwan.errors import MapeError
from dualwan.mape.rule import CeParameters, derive
from dualwan.words import say

LINE_BITS = 56  # the longest prefix that providers assign to a line with several subnets


class OtherCe(NamedTuple):
    """A CE address that the line solicits and that is not ours, with the values in it."""

    address: IPv6Address
    layout: str
    ipv4: IPv4Address
    psid: int


def expected(case: Case) -> CeParameters | None:
    """Return what the table of rules derives from the line's prefix; None if no rule covers it."""
    if case.rules is None or not isinstance(case.config.mape, MapE):
        return None
    for prefix in case.evidence.prefixes:
        with suppress(MapeError):
            return derive(case.rules.lookup(prefix), prefix)
    return None


def differences(case: Case) -> tuple[str, ...]:
    """Return a sentence for each value of the softwire that differs from the table of rules."""
    softwire, known = case.softwire, expected(case)
    if softwire is None or known is None:
        return ()
    ours, theirs = softwire.port_set, known.port_set
    pairs = [
        (say("border relay"), softwire.br, known.br),
        (say("IPv4 address"), softwire.ipv4, known.ipv4),
        *(
            (
                (say("PSID"), ours.psid, theirs.psid),
                (say("PSID length"), ours.psid_length, theirs.psid_length),
                (say("PSID offset"), ours.psid_offset, theirs.psid_offset),
            )
            if ours
            else ()
        ),
    ]
    found = [
        say(
            "the {what} is {ours}, by the rule of {provider} it is {theirs}",
            what=what,
            ours=ours_,
            provider=known.rule.provider,
            theirs=theirs_,
        )
        for what, ours_, theirs_ in pairs
        if theirs_ is not None and ours_ != theirs_
    ]
    if not found and softwire.ce != known.ce:
        found = [
            say(
                "the CE is {ce}, by the rule of {provider} it is {known_ce}",
                ce=softwire.ce,
                provider=known.rule.provider,
                known_ce=known.ce,
            )
        ]
    return tuple(found)


def other_ce(case: Case) -> OtherCe | None:
    """Return the CE address that the line solicits instead of ours; None if it solicits none.

    It is the target of a neighbour solicitation that lies in our line's prefix, has the interface
    identifier of a CE (RFC 7597 section 6, or the draft's layout) and is on no device here.
    """
    heard, softwire = case.evidence.heard, case.softwire
    if heard is None or softwire is None:
        return None
    wan = case.evidence.devices.get(case.config.wan.interface)
    own = {one.address for one in wan.addresses} if wan else set()
    lines = [str(softwire.ce), *case.evidence.prefixes]
    for target in heard.solicited:
        address = IPv6Address(target)
        if target not in own and any(_of_line(address, line) for line in lines):
            for found in _readings(address):
                if found.ipv4 == softwire.ipv4 or found.ipv4.is_global:
                    return found
    return None


def _of_line(address: IPv6Address, line: str) -> bool:
    first = IPv6Network(line, strict=False).network_address
    return address in IPv6Network((int(first), LINE_BITS), strict=False)


def _readings(address: IPv6Address) -> tuple[OtherCe, ...]:
    """Return the CEs that ``address`` may be, in either layout; see mape.rule.interface_id."""
    low = int(address) & (1 << 64) - 1
    found = []
    if not low >> 56 and not low & 0xFF:
        found.append(("draft", low >> 8))
    if not low >> 48:
        found.append(("rfc", low))
    return tuple(
        OtherCe(address, layout, IPv4Address(value >> 16), value & 0xFFFF)
        for layout, value in found
    )
