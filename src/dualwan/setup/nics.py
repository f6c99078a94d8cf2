"""The interfaces of a machine as a table, and which of them are WAN and LAN. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Interface

from dualwan import cells
from dualwan.catalogue import shown
from dualwan.model.setup import Nic, SetupMachine
from dualwan.words import listed, say

WIDTH = 80  # columns of a line that is shown


def table(nics: Sequence[Nic]) -> list[str]:
    """Return a line for each of ``nics``: driver, speed, carrier, addresses, prefixes."""
    width = max((len(nic.name) for nic in nics), default=0)
    lines: list[str] = []
    for nic in nics:
        words = shown(listed(", ", _words(nic)))
        lines += cells.wrap(words, WIDTH, f"  {nic.name:{width}}  ", " " * (width + 4))
    return lines


def _words(nic: Nic) -> list[str]:
    words = [nic.kind or nic.driver or say("driver not known")]
    if nic.kind and nic.driver not in {"", nic.kind}:
        words.append(nic.driver)
    if nic.speed > 0:
        words.append(say("{speed} Mb/s", speed=nic.speed))
    words.append(say("carrier") if nic.carrier else say("no carrier"))
    words += nic.addresses
    if nic.prefixes:
        words.append(say("prefix {prefixes}", prefixes=listed(" and ", nic.prefixes)))
    if nic.hears:
        words.append(say("hears a router advertisement"))
    if nic.manager:
        words.append(say("run by {manager}", manager=nic.manager))
    return words


def propose_wan(machine: SetupMachine, said: Sequence[str]) -> tuple[str, str]:
    """Return the interface that probably leads to the line, and why; ("", "") for none.

    ``said``: interfaces that the old scripts name, the best first.
    """
    for name in said:
        return name, say("named by the scripts")
    for name, nic in machine.peer_nics:
        if machine.nic(nic):
            return nic, say("the peer {name} dials there", name=name)
    hearing = [nic for nic in machine.nics if nic.hears and not nic.kind]
    if len(hearing) == 1:
        return hearing[0].name, say("hears a router advertisement")
    with_prefix = [nic for nic in machine.nics if nic.prefixes and not nic.kind]
    if len(with_prefix) == 1:
        return with_prefix[0].name, say("has a global IPv6 prefix")
    return "", ""


def propose_lan(
    machine: SetupMachine, wan: str, said: Sequence[str]
) -> tuple[tuple[str, ...], str]:
    """Return the interfaces of the LAN, and why; ((), "") if nothing indicates them."""
    if said:
        return tuple(dict.fromkeys(said)), say("named by the scripts")
    others = [nic for nic in machine.nics if nic.name != wan]
    private = [nic.name for nic in others if any(map(_is_private, nic.addresses))]
    if private:
        return tuple(private), say("private IPv4 there")
    hardware = [nic.name for nic in others if not nic.kind]
    if len(hardware) == 1:
        return tuple(hardware), say("the other interface")
    return (), ""


def _is_private(address: str) -> bool:
    return IPv4Interface(address).ip.is_private


def missing(machine: SetupMachine, names: Sequence[str]) -> list[str]:
    """Return a sentence for each of ``names`` that is no interface here, patterns left out."""
    return [
        say("{name} is no interface of this machine now; its rules wait until it comes", name=name)
        for name in names
        if not name.endswith("*") and machine.nic(name) is None
    ]
