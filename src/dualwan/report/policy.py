"""The policy as a table of words: what may go where. Pure.

The first row that covers a packet counts. tests/policy/matrix.txt has the same as packets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dualwan.config import Config
from dualwan.config.firewall import IPV6, SESSIONS, InboundService
from dualwan.config.forwards import MAPE, PINHOLE, SMB, Forward, with_via
from dualwan.config.mape import MapE
from dualwan.config.services import PORTLESS, Service
from dualwan.model.way import Kind, Way, of_kind
from dualwan.report.data import PolicyData
from dualwan.report.layout import table
from dualwan.report.opened import NAMES, name
from dualwan.slices import zones
from dualwan.slices.firewall.lan_flows import RATE

HEAD = ("from", "to", "what", "result")
_LAN, _ROUTER, _BY_IPV6, _ANYWHERE = "LAN", "router", "internet by IPv6", "anywhere"
_ACCEPTED, _DROPPED = "accepted", "dropped"
_SMB = "Windows file sharing (" + ", ".join(map(str, SMB)) + ")"


class Row(NamedTuple):
    """A row: who sends, to whom, what, and what becomes of it."""

    source: str
    destination: str
    what: str
    result: str


def rows(config: Config, ways: Sequence[Way]) -> tuple[Row, ...]:
    """Return the policy of ``config``; ``ways``: as of the line now."""
    flags = ", impossible TCP flags" if config.firewall.bogus == "drop" else ""
    return (
        Row(_ANYWHERE, _ANYWHERE, f"sources that cannot be there{flags}", _DROPPED),
        Row(_ANYWHERE, _ANYWHERE, "answers to what is accepted", _ACCEPTED),
        *_of_ipsec(config),
        *_from_lan(config, ways),
        *_from_router(config),
        *_to_router(config, ways),
        *_to_lan(config, ways),
        Row(_LAN, _LAN, "from one interface to another", _ACCEPTED),
        Row(_ANYWHERE, _ANYWHERE, "all else, and what no section names", _DROPPED),
    )


def as_data(found: Iterable[Row]) -> list[PolicyData]:
    """Return the data of --json."""
    return [
        {"from": one.source, "to": one.destination, "what": one.what, "result": one.result}
        for one in found
    ]


def text(found: Sequence[Row], width: int | None) -> str:
    """Return the policy as a table for a person, within ``width`` columns."""
    return "\n".join(table(HEAD, found, width))


def _of_ipsec(config: Config) -> Iterator[Row]:
    if config.firewall.ipsec == "accept":
        yield Row(_ANYWHERE, _ANYWHERE, "what IPsec has decrypted, or will encrypt", _ACCEPTED)


def _by(config: Config, way: Way) -> str:
    return f"{name(config, way)} ({way.device})"


def _from_lan(config: Config, ways: Sequence[Way]) -> Iterator[Row]:
    softwire = next(way for way in ways if way.default)
    sessions = of_kind(ways, Kind.PPP)
    yield Row(_LAN, _ANYWHERE, f"a device's new flows beyond {RATE} a second", _DROPPED)
    yield Row(_LAN, _ROUTER, "everything", _ACCEPTED)
    if config.firewall.smb == "drop":
        yield Row(_LAN, "internet", _SMB, _DROPPED)
    for way in sessions:
        if way.chosen:
            down = "dropped" if way.no_fallback else f"by {name(config, softwire)}"
            yield Row(
                ", ".join(map(_host_or_network, way.chosen)),
                "internet by IPv4",
                "everything",
                f"by {_by(config, way)}; while it is down {down}",
            )
    for way in ways:
        if way.stands_in:
            failed = f"new flows while {name(config, softwire)} does not work"
            yield Row(_LAN, "internet by IPv4", failed, f"by {_by(config, way)}")
    shared = softwire.softwire and softwire.softwire.port_set
    if isinstance(config.mape, MapE) and shared:
        share = f"a host's flows beyond {config.mape.max_share} % of the ports to one destination"
        yield Row(_LAN, f"internet by {name(config, softwire)}", share, "refused")
    what = "TCP, UDP, ping" if shared else "everything"
    yield Row(_LAN, "internet by IPv4", what, _translated(config, softwire))
    if zones.lan_only(config):
        yield Row(_LAN, _BY_IPV6, "everything", _ACCEPTED)


def _translated(config: Config, way: Way) -> str:
    if way.softwire is None:
        return f"by {_by(config, way)}, once it has an address; until then dropped"
    if not way.softwire.translated:
        return f"by {_by(config, way)}; the provider translates"
    shared = way.softwire.port_set
    ports = f", {len(shared)} ports" if shared else ""
    return f"by {_by(config, way)} as {way.address}{ports}"


def _from_router(config: Config) -> Iterator[Row]:
    if offered := ", ".join(map(_words, config.firewall.outbound)):
        yield Row(_ROUTER, "internet", offered, _ACCEPTED)
    if config.wan.probe:
        probed = "ping of " + ", ".join(map(str, config.wan.probe))
        yield Row(_ROUTER, f"internet by {NAMES[config.mape.mode]}", probed, _ACCEPTED)
    yield Row(_ROUTER, _LAN, "everything", _ACCEPTED)
    needs = "neighbour discovery, DHCPv6, the tunnel to the border relay"
    yield Row(_ROUTER, "the line", needs, _ACCEPTED)
    yield Row("the line", _ROUTER, needs.replace(" to ", " from "), _ACCEPTED)


def _to_router(config: Config, ways: Sequence[Way]) -> Iterator[Row]:
    by_way = " and ".join(name(config, way) for way in ways if way.offers_services)
    alone = ((f"internet by {one}", one) for one in config.ways)
    for source, via in ((f"internet by {by_way}", SESSIONS), *alone, (_BY_IPV6, IPV6)):
        offers = [one for one in config.firewall.inbound if via in one.via]
        for one in sorted(offers, key=lambda offer: not offer.sources):
            yield _offer(config, one, source)
    ident = "refused with a reset" if config.firewall.ident == "reset" else _DROPPED
    yield Row(f"internet by {by_way}", _ROUTER, "ident (tcp/113)", ident)
    yield Row(_BY_IPV6, _ROUTER, "ping, up to a bound", _ACCEPTED)


def _offer(config: Config, one: InboundService, source: str) -> Row:
    guard = config.firewall.guard
    guarded = (
        f"; a source with more than {guard.hits} tries in {guard.seconds} s is refused for "
        f"{guard.refuse} s"
        if one.guard
        else ""
    )
    return Row(source + _only(one.sources), _ROUTER, _words(one.service), _ACCEPTED + guarded)


def _only(sources: Iterable[object]) -> str:
    named = ", ".join(map(_host_or_network, sources))
    return f", {named}" if named else ""


def _host_or_network(network: object) -> str:
    return str(network).removesuffix("/32").removesuffix("/128")


def _words(one: Service) -> str:
    """Return a service with its ports, unless its name says them."""
    ports = ", ".join(
        f"{port.protocol}/{port.number}" for port in one.ports if port.protocol != "icmp"
    ).replace(PORTLESS + "/", "protocol ")
    says_it = "/" in one.name or not ports
    return one.name if says_it else f"{one.name} ({ports})"


def _to_lan(config: Config, ways: Sequence[Way]) -> Iterator[Row]:
    for way in ways:
        source = f"internet by {name(config, way)}"
        for one in with_via(way.name, config.forwards):
            shared = way.softwire.port_set if way.softwire else None
            missing = one.via == MAPE and shared is not None and one.port not in shared
            result = "dropped: no port of this line" if missing else _ACCEPTED
            yield _forward(one, source, f"{one.to}, {one.protocol}/{one.to_port}", result)
        if way.open_hosts:
            hosts = ", ".join(map(str, way.open_hosts))
            what = "UDP from any port of a server that was sent to"
            yield Row(source, hosts, what, _ACCEPTED)
    for one in with_via(PINHOLE, config.forwards):
        host = f"{one.to} in any prefix" if one.by_host_part else str(one.to)
        yield _forward(one, _BY_IPV6, host, _ACCEPTED)
    if zones.lan_only(config):
        yield Row(_BY_IPV6, _LAN, "ping, up to a bound", _ACCEPTED)


def _forward(one: Forward, source: str, server: str, result: str) -> Row:
    return Row(source + _only(one.sources), server, f"{one.protocol}/{one.port}", result)
