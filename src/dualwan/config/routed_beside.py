"""Conflicts between the addresses routed to a way and the rest of the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from dualwan.config.forwards import MAPE, PPPOE, SMB, smb_refused
from dualwan.config.mape import Ipip, MapE
from dualwan.config.routed import Routed
from dualwan.config.ways import MOST, highest_priority, section_of
from dualwan.toml_source import Source
from dualwan.words import say

if TYPE_CHECKING:
    from dualwan.config import Config


def check(source: Source, config: Config) -> None:
    """Raise ConfigError for the first routed network or host that has another use as well."""
    if not config.routed:
        return
    own = dict(_addresses(config))
    networks: dict[IPv4Network, str] = {}
    hosts: dict[IPv4Address, str] = {}
    for name, routed in config.routed.items():
        section = section_of(name, config)
        for network in routed.networks:
            _check_network(source, section, network, config, networks)
            for address, place in own.items():
                if address in network and place != f"{section}.ipv4":
                    _fail_taken(source, section, network, f"{address} ({place})")
            networks[network] = section
        for outer, inner in routed.one_to_one:
            if outer in own:
                source.fail(
                    say("{outer} is the way's own address", outer=outer), section, "one-to-one"
                )
            _check_host(source, section, inner, config)
            if inner in hosts:
                source.fail(
                    say(
                        "{inner} has an address outside already, of {section}",
                        inner=inner,
                        section=hosts[inner],
                    ),
                    section,
                    "one-to-one",
                )
            hosts[inner] = section
        _check_smb(source, section, routed, config)
    _check_forwards(source, config, networks)
    _check_choices(source, config, {**networks, **{IPv4Network(one): hosts[one] for one in hosts}})
    _check_numbers(source, config)


def _addresses(config: Config) -> Iterator[tuple[IPv4Address, str]]:
    """Yield the addresses of ways that the file gives, each with its key."""
    for name, way in config.softwires.items():
        section = section_of(name, config)
        if isinstance(way, Ipip):
            yield way.ipv4, f"{section}.ipv4"
        elif isinstance(way, MapE) and way.manual:
            yield way.manual.ipv4, f"{section}.ipv4"


def _fail_taken(source: Source, section: str, network: IPv4Network, what: str) -> None:
    source.fail(say("{network} overlaps {what}", network=network, what=what), section, "addresses")


def _check_network(
    source: Source,
    section: str,
    network: IPv4Network,
    config: Config,
    others: dict[IPv4Network, str],
) -> None:
    for other, place in others.items():
        if network.overlaps(other):
            _fail_taken(source, section, network, f"{other} ({place}.addresses)")
    for lan in config.lan.networks:
        if network.overlaps(lan):
            _fail_taken(source, section, network, f"{lan} (lan.networks)")


def _check_host(source: Source, section: str, inner: IPv4Address, config: Config) -> None:
    """Raise ConfigError unless ``inner`` can be a host behind the router."""
    if not any(inner in network for network in config.lan.networks):
        source.fail(
            say(
                "{inner} is no host of the LAN ({networks}); one with an address of 'addresses' "
                "needs no translation",
                inner=inner,
                networks=", ".join(map(str, config.lan.networks)),
            ),
            section,
            "one-to-one",
        )


def _check_smb(source: Source, section: str, routed: Routed, config: Config) -> None:
    if config.firewall.smb != "drop":
        return
    for one in routed.open:
        if any(
            port.number in SMB and port.protocol in {"tcp", "udp"} for port in one.service.ports
        ):
            source.fail(smb_refused(one.service.name), section, "open")


def _check_forwards(source: Source, config: Config, networks: dict[IPv4Network, str]) -> None:
    """Raise ConfigError for a forward to a host whose own address is routed to a way."""
    for one in config.forwards:
        for network, section in networks.items():
            if one.to.version == network.version and one.to in network:
                source.fail(
                    say(
                        "{to} is reached without translation: list the service in 'open' of "
                        "[{section}]",
                        to=one.to,
                        section=section,
                    ),
                    "forward",
                    "to",
                    one.number,
                )


def _check_choices(source: Source, config: Config, kept: dict[IPv4Network, str]) -> None:
    """Raise ConfigError if a key sends a host of ``kept`` by another way than its section's."""

    def check(
        hosts: Iterable[IPv4Network], way: str, key: tuple[str, str], number: int = 0
    ) -> None:
        own = section_of(way, config)
        for host in hosts:
            for network, section in kept.items():
                if host.subnet_of(network) and section != own:
                    source.fail(
                        say(
                            "{host} leaves by [{section}], to which its address is routed, and by "
                            "no other way",
                            host=str(host).removesuffix("/32"),
                            section=section,
                        ),
                        *key,
                        number,
                    )

    for one in config.policies:
        if one.number >= 0:
            check(one.sources, one.way, ("policy", "source"), one.number)
    check(config.lan.via_pppoe, PPPOE, ("lan", "via-pppoe"))
    if isinstance(config.mape, MapE):
        check(map(IPv4Network, config.mape.open_nat), MAPE, ("mape", "open-nat"))


def _check_numbers(source: Source, config: Config) -> None:
    """Raise ConfigError if the priorities or marks for flows by one way or none do not suffice."""
    limit = highest_priority(config)
    if config.pppoe.priority > limit:
        source.fail(
            say("must be {limit} at most with 'addresses', whose rules follow", limit=limit),
            "pppoe",
            "priority",
        )
    if len(config.ways) == MOST and MAPE in config.routed and config.routed[MAPE].one_to_one:
        source.fail(
            say("with eight ways, those of {way} can be had without translation only", way=MAPE),
            MAPE,
            "one-to-one",
        )
