"""The role of each interface: an interface with two roles would have rules that contradict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dualwan.config import values, ways
from dualwan.toml_source import Source
from dualwan.words import say

if TYPE_CHECKING:
    from dualwan.config import Config


def check(source: Source, config: Config) -> None:
    """Raise ConfigError if an interface has two roles.

    The WAN's interface may be one of the LAN too: the LAN's networks tell its packets apart.
    """
    taken = {config.wan.interface: "wan.interface"}
    one_nic = config.wan.interface
    for section, key, name in (
        ("mape", "tunnel", config.mape.tunnel),
        ("pppoe", "interface", config.pppoe.interface),
        *ways.devices(config.ways),
        *_inside(config),
    ):
        if section == "lan" and name == one_nic:
            one_nic = ""  # listed again, it is an error
            continue
        if name in taken:
            source.fail(
                say(
                    "the interface '{name}' is listed twice, also in {roles}",
                    name=name,
                    roles=taken[name],
                ),
                section,
                key,
            )
        taken[name] = f"{section}.{key}"
    _check_patterns(source, config, taken)


def _inside(config: Config) -> Iterator[tuple[str, str, str]]:
    """Yield section, key and each interface or pattern of the LAN and of the zones."""
    for section, interfaces in (
        ("lan", config.lan.interfaces),
        *((zone.section, zone.interfaces) for zone in config.zones),
    ):
        for name in interfaces:
            yield section, "interfaces", name


def _check_patterns(source: Source, config: Config, taken: dict[str, str]) -> None:
    """Raise ConfigError if a pattern covers an interface that has another role.

    ``taken``: the key of each interface. pppd may name the session's interface by the kernel's next
    free number, so a pattern must not cover that name with another number either.
    """
    others = {**taken, "lo": say("the router itself")}
    sessions = [one.interface for one in config.sessions.values()]
    for section, where, pattern in _inside(config):
        if not pattern.endswith(values.WILDCARD):
            continue
        for name, key in others.items():
            if name != pattern and values.covers(pattern, name):
                source.fail(
                    say(
                        "'{pattern}' covers '{name}' ({key}) too",
                        pattern=pattern,
                        name=name,
                        key=key,
                    ),
                    section,
                    where,
                )
        start = pattern.removesuffix(values.WILDCARD)
        for interface in sessions:
            session = interface.rstrip("0123456789")
            if session and start.startswith(session):
                source.fail(
                    say(
                        "'{pattern}' may cover the PPPoE session ({interface}, or the next "
                        "number if that is taken)",
                        pattern=pattern,
                        interface=interface,
                    ),
                    section,
                    where,
                )
