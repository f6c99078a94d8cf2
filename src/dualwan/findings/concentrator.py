"""Addresses that an access concentrator assigned, but that belong to another interface here.

Discovery has no authentication: any machine on the WAN's Ethernet may answer first.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from dualwan.config import Config
from dualwan.config.sections import Pppoe
from dualwan.model.finding import Finding
from dualwan.model.surroundings import OwnAddress, Surroundings
from dualwan.words import say


def addresses(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each address of a session that belongs to another interface's network.

    The kernel makes a host route to the far end, which diverts all packets for that address. The
    near end may be one of the addresses routed to the session, which a LAN interface may have too.
    """
    for one in config.sessions.values():
        yield from _of_session(one, around)


def _of_session(pppoe: Pppoe, around: Surroundings) -> Iterator[Finding]:
    session, peer = pppoe.interface, pppoe.peer
    others = [own for own in around.addresses if own.device != session]
    for own in around.addresses:
        if own.device != session:
            continue
        to_router = None if _is_routed(own, pppoe) else own.interface.ip
        for given, whose in ((to_router, say("the router")), (own.other, say("itself"))):
            if isinstance(given, IPv4Address) and (there := _where(given, others)):
                yield Finding(
                    "concentrator-address",
                    say(
                        "the access concentrator has given {whose} {given} on {session}, which "
                        "is of {there}",
                        whose=whose,
                        given=given,
                        session=session,
                        there=there,
                    ),
                    say(
                        "hang up (`poff {peer}`), and look on the WAN's Ethernet for what "
                        "answers PPPoE in the provider's name",
                        peer=peer,
                    ),
                )


def _is_routed(own: OwnAddress, pppoe: Pppoe) -> bool:
    return any(own.interface.ip in network for network in pppoe.routed.networks)


def _where(given: IPv4Address, others: list[OwnAddress]) -> str:
    """Return the network and device that ``given`` belongs to, "" for none."""
    for own in others:
        if given in own.interface.network:
            return say("{network} on {device}", network=own.interface.network, device=own.device)
    return ""
