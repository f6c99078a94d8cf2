"""The policy as a table of words: which packets may go where. Pure.

The first row that matches a packet counts. tests/policy/matrix.txt has the same policy as packets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dualwan.catalogue import shown
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
    BOUNDED_PING,
    BY_IPV4,
    BY_IPV6,
    DROPPED,
    EVERYTHING,
    FILE_SHARING,
    INTERNET,
    LAN,
    REFUSED,
    ROUTER,
    Row,
    by,
    host_or_network,
    internet_by,
    only,
    service,
)
from dualwan.slices import zones
from dualwan.slices.firewall.lan_flows import RATE
from dualwan.words import listed, say

HEAD = (say("from"), say("to"), say("what"), say("result"))


def rows(config: Config, ways: Sequence[Way]) -> tuple[Row, ...]:
    """Return the policy of ``config``; ``ways``: of the present line."""
    impossible = (
        say("sources that cannot be there, impossible TCP flags")
        if config.firewall.bogus == "drop"
        else say("sources that cannot be there")
    )
    return (
        Row(ANYWHERE, ANYWHERE, impossible, DROPPED),
        Row(ANYWHERE, ANYWHERE, say("answers to what is accepted"), ACCEPTED),
        *_of_ipsec(config),
        *_from_lan(config, ways),
        *_from_router(config),
        *_to_router(config, ways),
        *_to_lan(config, ways),
        *zone_rows.rows(config, ways),
        Row(LAN, LAN, say("from one interface to another"), ACCEPTED),
        Row(ANYWHERE, ANYWHERE, say("all else, and what no section names"), DROPPED),
    )


def as_data(found: Iterable[Row]) -> list[PolicyData]:
    """Return the data of --json."""
    return [
        {"from": one.source, "to": one.destination, "what": one.what, "result": one.result}
        for one in found
    ]


def text(found: Sequence[Row], width: int | None) -> str:
    """Return the policy as a table for a person, within ``width`` columns."""
    head, *lines = ([shown(cell) for cell in row] for row in (HEAD, *found))
    return "\n".join(table(head, lines, width))


def _of_ipsec(config: Config) -> Iterator[Row]:
    if config.firewall.ipsec == "accept":
        what = say("what IPsec has decrypted, or will encrypt")
        yield Row(ANYWHERE, ANYWHERE, what, ACCEPTED)


def _from_lan(config: Config, ways: Sequence[Way]) -> Iterator[Row]:
    softwire = next(way for way in ways if way.default)
    usual = name(config, softwire)
    flows = say("a device's new flows beyond {rate} a second", rate=RATE)
    yield Row(LAN, ANYWHERE, flows, DROPPED)
    yield Row(LAN, ROUTER, EVERYTHING, ACCEPTED)
    if config.firewall.smb == "drop":
        yield Row(LAN, INTERNET, FILE_SHARING, DROPPED)
    yield from routed_rows.from_hosts(config, ways)
    for way in of_kind(ways, Kind.PPP):
        if way.chosen:
            down = DROPPED if way.no_fallback else say("by {way}", way=usual)
            hosts = listed(", ", map(host_or_network, way.chosen))
            yield Row(hosts, BY_IPV4, EVERYTHING, _or_else(config, way, down))
    yield from _policies(config, ways)
    if standing_in := [by(config, way) for way in ways if way.stands_in]:
        failed = say("new flows while {way} does not work", way=usual)
        each = (say("by {way}", way=one) for one in standing_in)
        by_these = listed("; while that is down ", each)
        yield Row(LAN, BY_IPV4, failed, by_these)
    shared = softwire.softwire and softwire.softwire.port_set
    if isinstance(config.mape, MapE) and shared:
        share = say(
            "a host's flows beyond {percent} % of the ports to one destination",
            percent=config.mape.max_share,
        )
        yield Row(LAN, internet_by(usual), share, REFUSED)
    what = say("TCP, UDP, ping") if shared else EVERYTHING
    yield Row(LAN, BY_IPV4, what, _translated(config, softwire))
    if zones.lan_only(config):
        yield Row(LAN, BY_IPV6, EVERYTHING, ACCEPTED)


def _or_else(config: Config, way: Way, down: str) -> str:
    return say("by {way}; while it is down {down}", way=by(config, way), down=down)


def _policies(config: Config, ways: Sequence[Way]) -> Iterator[Row]:
    """Yield a row for each policy, in the order in which they are asked."""
    by_name = {way.name: way for way in ways}
    for one in config.policies:
        way, second = by_name[one.way], by_name.get(one.fallback)
        down = say("by {way}", way=name(config, second)) if second else REFUSED
        what = listed(", ", (word.upper() for word in one.protocols))
        if one.ports:
            ports = listed(", ", map(port_text, one.ports))
            what = say("{protocols} to {ports}", protocols=what, ports=ports)
        yield Row(
            only(LAN, (*one.interfaces, *one.sources, *map(mac_text, one.macs))),
            only(BY_IPV4, one.destinations),
            what or EVERYTHING,
            say("by {way}", way=by(config, way)) if second is way else _or_else(config, way, down),
        )


def _translated(config: Config, way: Way) -> str:
    device = by(config, way)
    if way.softwire is None:
        return say("by {way}, once it has an address; until then dropped", way=device)
    if not way.softwire.translated:
        return say("by {way}; the provider translates", way=device)
    if shared := way.softwire.port_set:
        return say(
            "by {way} as {address}, {count} ports",
            way=device,
            address=way.address,
            count=len(shared),
        )
    return say("by {way} as {address}", way=device, address=way.address)


def _from_router(config: Config) -> Iterator[Row]:
    if offered := listed(", ", map(service, config.firewall.outbound)):
        yield Row(ROUTER, INTERNET, offered, ACCEPTED)
    if config.wan.probe:
        probed = say("ping of {hosts}", hosts=listed(", ", map(str, config.wan.probe)))
        yield Row(ROUTER, internet_by(NAMES[config.mape.mode]), probed, ACCEPTED)
    yield Row(ROUTER, LAN, EVERYTHING, ACCEPTED)
    line = say("the line")
    needs = say("neighbour discovery, DHCPv6, the tunnel to the border relay")
    yield Row(ROUTER, line, needs, ACCEPTED)
    needs = say("neighbour discovery, DHCPv6, the tunnel from the border relay")
    yield Row(line, ROUTER, needs, ACCEPTED)


def _to_router(config: Config, ways: Sequence[Way]) -> Iterator[Row]:
    by_way = listed(" and ", (name(config, way) for way in ways if way.offers_services))
    alone = ((internet_by(one), one) for one in config.ways)
    for source, via in ((internet_by(by_way), SESSIONS), *alone, (BY_IPV6, IPV6)):
        offers = [one for one in config.firewall.inbound if via in one.via]
        for one in sorted(offers, key=lambda offer: not offer.sources):
            yield _offer(config, one, source)
    reset = config.firewall.ident == "reset"
    ident = say("refused with a reset") if reset else DROPPED
    yield Row(internet_by(by_way), ROUTER, "ident (tcp/113)", ident)
    yield Row(BY_IPV6, ROUTER, BOUNDED_PING, ACCEPTED)


def _offer(config: Config, one: InboundService, source: str) -> Row:
    guard, result = config.firewall.guard, ACCEPTED
    if one.guard:
        result = say(
            "accepted; a source with more than {hits} tries in {seconds} s is refused for "
            "{refuse} s",
            hits=guard.hits,
            seconds=guard.seconds,
            refuse=guard.refuse,
        )
    return Row(only(source, one.sources), ROUTER, service(one.service), result)


def _to_lan(config: Config, ways: Sequence[Way]) -> Iterator[Row]:
    for way in ways:
        source = internet_by(name(config, way))
        for one in with_via(way.name, config.forwards):
            shared = way.softwire.port_set if way.softwire else None
            missing = one.via == MAPE and shared is not None and one.port not in shared
            result = say("dropped: no port of this line") if missing else ACCEPTED
            server = listed(", ", (str(one.to), f"{one.protocol}/{one.to_port}"))
            yield _forward(one, source, server, result)
        yield from routed_rows.to_hosts(config, way)
        if way.open_hosts:
            hosts = listed(", ", map(str, way.open_hosts))
            what = say("UDP from any port of a server that was sent to")
            yield Row(source, hosts, what, ACCEPTED)
    for one in with_via(PINHOLE, config.forwards):
        to = str(one.to)
        host = say("{host} in any prefix", host=to) if one.by_host_part else to
        yield _forward(one, BY_IPV6, host, ACCEPTED)
    if zones.lan_only(config):
        yield Row(BY_IPV6, LAN, BOUNDED_PING, ACCEPTED)


def _forward(one: Forward, source: str, server: str, result: str) -> Row:
    return Row(only(source, one.sources), server, f"{one.protocol}/{one.port}", result)
