"""The policy as a table of words: what may go where. Pure.

The first row that covers a packet counts. tests/policy/matrix.txt has the same as packets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dualwan.config import Config
from dualwan.config.firewall import IPV6, SESSIONS, InboundService
from dualwan.config.forwards import MAPE, PINHOLE, Forward, with_via
from dualwan.config.mape import MapE
from dualwan.config.policies import mac_text, port_text
from dualwan.model.way import Kind, Way, of_kind
from dualwan.report import routed as routed_rows
from dualwan.report import zones as zone_rows
from dualwan.report.data import PolicyData
from dualwan.report.layout import table
from dualwan.report.opened import NAMES, name
from dualwan.report.policy_row import (
    ACCEPTED,
    ANYWHERE,
    BY_IPV6,
    DROPPED,
    FILE_SHARING,
    LAN,
    ROUTER,
    Row,
    by,
    service,
)
from dualwan.slices import zones
from dualwan.slices.firewall.lan_flows import RATE

HEAD = ("from", "to", "what", "result")


def rows(config: Config, ways: Sequence[Way]) -> tuple[Row, ...]:
    """Return the policy of ``config``; ``ways``: as of the line now."""
    flags = ", impossible TCP flags" if config.firewall.bogus == "drop" else ""
    return (
        Row(ANYWHERE, ANYWHERE, f"sources that cannot be there{flags}", DROPPED),
        Row(ANYWHERE, ANYWHERE, "answers to what is accepted", ACCEPTED),
        *_of_ipsec(config),
        *_from_lan(config, ways),
        *_from_router(config),
        *_to_router(config, ways),
        *_to_lan(config, ways),
        *zone_rows.rows(config, ways),
        Row(LAN, LAN, "from one interface to another", ACCEPTED),
        Row(ANYWHERE, ANYWHERE, "all else, and what no section names", DROPPED),
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
        yield Row(ANYWHERE, ANYWHERE, "what IPsec has decrypted, or will encrypt", ACCEPTED)


def _from_lan(config: Config, ways: Sequence[Way]) -> Iterator[Row]:
    softwire = next(way for way in ways if way.default)
    sessions = of_kind(ways, Kind.PPP)
    yield Row(LAN, ANYWHERE, f"a device's new flows beyond {RATE} a second", DROPPED)
    yield Row(LAN, ROUTER, "everything", ACCEPTED)
    if config.firewall.smb == "drop":
        yield Row(LAN, "internet", FILE_SHARING, DROPPED)
    yield from routed_rows.from_hosts(config, ways)
    for way in sessions:
        if way.chosen:
            down = "dropped" if way.no_fallback else f"by {name(config, softwire)}"
            yield Row(
                ", ".join(map(_host_or_network, way.chosen)),
                "internet by IPv4",
                "everything",
                f"by {by(config, way)}; while it is down {down}",
            )
    yield from _policies(config, ways)
    for way in ways:
        if way.stands_in:
            failed = f"new flows while {name(config, softwire)} does not work"
            yield Row(LAN, "internet by IPv4", failed, f"by {by(config, way)}")
    shared = softwire.softwire and softwire.softwire.port_set
    if isinstance(config.mape, MapE) and shared:
        share = f"a host's flows beyond {config.mape.max_share} % of the ports to one destination"
        yield Row(LAN, f"internet by {name(config, softwire)}", share, "refused")
    what = "TCP, UDP, ping" if shared else "everything"
    yield Row(LAN, "internet by IPv4", what, _translated(config, softwire))
    if zones.lan_only(config):
        yield Row(LAN, BY_IPV6, "everything", ACCEPTED)


def _policies(config: Config, ways: Sequence[Way]) -> Iterator[Row]:
    """Yield a row for each policy, in the order in which they are asked."""
    by_name = {way.name: way for way in ways}
    for one in config.policies:
        way, second = by_name[one.way], by_name.get(one.fallback)
        source = [*one.interfaces, *map(_host_or_network, one.sources), *map(mac_text, one.macs)]
        ports = f" to {', '.join(map(port_text, one.ports))}" if one.ports else ""
        result = f"by {by(config, way)}"
        if second is not way:
            down = f"by {name(config, second)}" if second else "refused"
            result += f"; while it is down {down}"
        yield Row(
            f"{LAN}{_and(source)}",
            f"internet by IPv4{_and(map(_host_or_network, one.destinations))}",
            ", ".join(word.upper() for word in one.protocols) + ports or "everything",
            result,
        )


def _and(words: Iterable[str]) -> str:
    return "".join(f", {word}" for word in words)


def _translated(config: Config, way: Way) -> str:
    if way.softwire is None:
        return f"by {by(config, way)}, once it has an address; until then dropped"
    if not way.softwire.translated:
        return f"by {by(config, way)}; the provider translates"
    shared = way.softwire.port_set
    ports = f", {len(shared)} ports" if shared else ""
    return f"by {by(config, way)} as {way.address}{ports}"


def _from_router(config: Config) -> Iterator[Row]:
    if offered := ", ".join(map(service, config.firewall.outbound)):
        yield Row(ROUTER, "internet", offered, ACCEPTED)
    if config.wan.probe:
        probed = "ping of " + ", ".join(map(str, config.wan.probe))
        yield Row(ROUTER, f"internet by {NAMES[config.mape.mode]}", probed, ACCEPTED)
    yield Row(ROUTER, LAN, "everything", ACCEPTED)
    needs = "neighbour discovery, DHCPv6, the tunnel to the border relay"
    yield Row(ROUTER, "the line", needs, ACCEPTED)
    yield Row("the line", ROUTER, needs.replace(" to ", " from "), ACCEPTED)


def _to_router(config: Config, ways: Sequence[Way]) -> Iterator[Row]:
    by_way = " and ".join(name(config, way) for way in ways if way.offers_services)
    alone = ((f"internet by {one}", one) for one in config.ways)
    for source, via in ((f"internet by {by_way}", SESSIONS), *alone, (BY_IPV6, IPV6)):
        offers = [one for one in config.firewall.inbound if via in one.via]
        for one in sorted(offers, key=lambda offer: not offer.sources):
            yield _offer(config, one, source)
    ident = "refused with a reset" if config.firewall.ident == "reset" else DROPPED
    yield Row(f"internet by {by_way}", ROUTER, "ident (tcp/113)", ident)
    yield Row(BY_IPV6, ROUTER, "ping, up to a bound", ACCEPTED)


def _offer(config: Config, one: InboundService, source: str) -> Row:
    guard = config.firewall.guard
    guarded = (
        f"; a source with more than {guard.hits} tries in {guard.seconds} s is refused for "
        f"{guard.refuse} s"
        if one.guard
        else ""
    )
    return Row(source + _only(one.sources), ROUTER, service(one.service), ACCEPTED + guarded)


def _only(sources: Iterable[object]) -> str:
    named = ", ".join(map(_host_or_network, sources))
    return f", {named}" if named else ""


def _host_or_network(network: object) -> str:
    return str(network).removesuffix("/32").removesuffix("/128")


def _to_lan(config: Config, ways: Sequence[Way]) -> Iterator[Row]:
    for way in ways:
        source = f"internet by {name(config, way)}"
        for one in with_via(way.name, config.forwards):
            shared = way.softwire.port_set if way.softwire else None
            missing = one.via == MAPE and shared is not None and one.port not in shared
            result = "dropped: no port of this line" if missing else ACCEPTED
            yield _forward(one, source, f"{one.to}, {one.protocol}/{one.to_port}", result)
        yield from routed_rows.to_hosts(config, way)
        if way.open_hosts:
            hosts = ", ".join(map(str, way.open_hosts))
            what = "UDP from any port of a server that was sent to"
            yield Row(source, hosts, what, ACCEPTED)
    for one in with_via(PINHOLE, config.forwards):
        host = f"{one.to} in any prefix" if one.by_host_part else str(one.to)
        yield _forward(one, BY_IPV6, host, ACCEPTED)
    if zones.lan_only(config):
        yield Row(BY_IPV6, LAN, "ping, up to a bound", ACCEPTED)


def _forward(one: Forward, source: str, server: str, result: str) -> Row:
    return Row(source + _only(one.sources), server, f"{one.protocol}/{one.port}", result)
