"""The mask for a recording, made of the rules, prefixes and names in it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Interface

from dualwan.config import Config
from dualwan.config.mape import MapE
from dualwan.errors import MapeError
from dualwan.mape.rule import MapRule, derive, parse_prefix
from dualwan.mape.table import RuleTable
from dualwan.model.state import RunState
from dualwan.model.surroundings import Surroundings
from dualwan.recording.machine import Recording
from dualwan.recording.mask import Mask, shared
from dualwan.recording.scrub import Scrub

_SHORTEST = 6  # letters: shorter user names without @ are not searched for
_NAMING = ("user", "name", "remotename")  # options of pppd with a name as their value


def scrub(
    key: bytes,
    config: Config | None,
    recording: Recording,
    state: RunState,
    table: RuleTable | None,
) -> Scrub:
    """Return the Scrub that hides the owner of ``recording``; ``key``: forgotten afterwards."""
    rules = tuple(_rules(config, recording, table))
    mask = Mask(key, rules)
    mask.embedded |= _addresses(config, recording, state)
    for rule in sorted(rules, key=lambda one: one.ipv6_prefix.prefixlen):
        for prefix in _prefixes(config, recording, state):
            _follow(mask, rule, prefix)
    return Scrub(mask, _names(recording.surroundings))


def _rules(
    config: Config | None, recording: Recording, table: RuleTable | None
) -> Iterator[MapRule]:
    yield from table or ()
    if config and isinstance(config.mape, MapE):
        yield from config.mape.rules or ()
        if config.mape.rule:
            yield config.mape.rule
    for cached in recording.answers.checked(recording.now):
        yield from (one.rule for one in cached.answer.rules)


def _prefixes(
    config: Config | None, recording: Recording, state: RunState
) -> Iterator[IPv6Interface]:
    """Yield the prefixes of the line from which a softwire can be derived."""
    heard = recording.evidence.heard
    texts = [
        *(one for found in recording.prefixes.values() for one in found),
        *(one for found in (recording.announced or {}).values() for one in found),
        *(one for advert in (heard.advertisements if heard else ()) for one in advert.prefixes),
        *recording.evidence.prefixes,
        *(entry.prefix for entry in recording.answers.entries.values()),
        state.prefix,
    ]
    if config and isinstance(config.mape, MapE) and config.mape.manual:
        texts.append(f"{config.mape.manual.ce}/64")
    texts += [f"{one.local}/64" for one in recording.observed.tunnels if one.local]
    for text in dict.fromkeys(texts):
        with suppress(MapeError):
            yield parse_prefix(text)


def _addresses(config: Config | None, recording: Recording, state: RunState) -> set[IPv4Address]:
    """Return the IPv4 addresses that an interface identifier may contain."""
    texts = {*state.softwires.values()}
    tunnels = {one.name for one in recording.observed.tunnels}
    texts |= {one.address for one in recording.observed.addresses if one.device in tunnels}
    found = {IPv4Address(one) for one in texts if one and ":" not in one}
    if config and isinstance(config.mape, MapE) and config.mape.manual:
        found.add(config.mape.manual.ipv4)
    return found


def _follow(mask: Mask, rule: MapRule, prefix: IPv6Interface) -> None:
    """Have ``mask`` replace the IPv4 address of ``prefix`` by the one of the masked prefix."""
    with suppress(MapeError):
        was = derive(rule, prefix)
        length = prefix.network.prefixlen
        other = mask.network(prefix.network.network_address, length)
        now = derive(_masked(mask, rule), f"{other}/{length}")
        mask.instead[was.ipv4] = now.ipv4
        mask.embedded.add(was.ipv4)


def _masked(mask: Mask, rule: MapRule) -> MapRule:
    if shared(rule):
        return rule
    v6, v4 = rule.ipv6_prefix, rule.ipv4_prefix
    return MapRule(
        f"{mask.network(v6.network_address, v6.prefixlen)}/{v6.prefixlen}",
        f"{mask.network(v4.network_address, v4.prefixlen)}/{v4.prefixlen}",
        *rule[2:4],
        layout=rule.layout,
    )


def _names(around: Surroundings) -> Iterator[str]:
    """Yield the user names in the PPP files."""
    peers = [one.peer for one in (around.ppp, *around.further_ppp.values()) if one.peer]
    options = [option for peer in peers for option in peer.options]
    words = {one.name for one in options}
    found: Iterable[str] = (
        *(one.value for one in options if one.name in _NAMING),
        *(around.ppp.clients or ()),
    )
    for name in found:
        if "@" in name or (len(name) >= _SHORTEST and name not in words):
            yield name
