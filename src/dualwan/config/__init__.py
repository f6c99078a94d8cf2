"""The configuration: /etc/dualwan/dualwan.toml as frozen dataclasses.

Every error is a ConfigError whose text starts with file and line and names the key.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dualwan import files, paths
from dualwan.config import firewall, forwards, interfaces, sections, values, ways, zones
from dualwan.config import mape as mape_section
from dualwan.config import router as router_section
from dualwan.config.firewall import Firewall
from dualwan.config.forwards import Forward
from dualwan.config.mape import DsLite, Ipip, MapE, Mape
from dualwan.config.routed import Routed
from dualwan.config.router import Router
from dualwan.config.sections import Lan, Pppoe, Wan
from dualwan.config.ways import FurtherWay
from dualwan.config.zones import Zone
from dualwan.errors import MISSING, UNKNOWN, ConfigError
from dualwan.frozen import dataclass, field, replace
from dualwan.mape.table import RULES_DIR, Rules
from dualwan.toml_source import Source, TomlTable, nearest, parse, unknown
from dualwan.words import say

if TYPE_CHECKING:
    from dualwan.config.policies import Policy

SECTIONS = [
    *("wan", "lan", "mape", "pppoe", "way"),
    *("firewall", "forward", "policy", "zone", "router"),
]
REQUIRED = ("wan", "lan", "mape")
# Sections that decide what is open, or which way hosts may take.
FILTERS = ("firewall", "forward", "policy", "zone")
WAYS = (forwards.MAPE, forwards.PPPOE)  # names of the ways, the default one first


@dataclass(frozen=True)
class Config:
    """A whole configuration, checked; it never changes after ``load``.

    firewall: without the default services whose ports ``forwards`` take.
    further: the other ways, with their names, in the order of the file.
    policies: with `via-pppoe` as the last one; () if the file has no [[policy]].
    path: the file, for messages. text: its content.
    """

    wan: Wan
    lan: Lan
    mape: Mape
    pppoe: Pppoe
    firewall: Firewall
    forwards: tuple[Forward, ...] = ()
    further: tuple[tuple[str, FurtherWay], ...] = ()
    policies: tuple[Policy, ...] = ()
    zones: tuple[Zone, ...] = ()
    router: Router = field(default_factory=Router)
    path: str = field(default="", compare=False)
    text: str = field(default="", compare=False, repr=False)

    @property
    def prefix_source(self) -> str:
        """The interface from whose IPv6 prefix MAP-E is derived."""
        return self.mape.prefix_from or self.wan.interface

    @property
    def line_device(self) -> str:
        """The interface towards the line's servers, even if the prefix is on one of the LAN."""
        source = self.prefix_source
        return self.wan.interface if self.is_inside(source) else source

    @property
    def ways(self) -> dict[str, FurtherWay]:
        """The ways besides [mape] and [pppoe], by name."""
        return dict(self.further)

    @property
    def sessions(self) -> dict[str, Pppoe]:
        """The PPPoE sessions, by the name of their way."""
        more = {name: way for name, way in self.further if isinstance(way, Pppoe)}
        return {forwards.PPPOE: self.pppoe, **more}

    @property
    def softwires(self) -> dict[str, Mape]:
        """The softwires, by the name of their way."""
        more = {name: way for name, way in self.further if isinstance(way, Ipip | DsLite)}
        return {forwards.MAPE: self.mape, **more}

    @property
    def way_devices(self) -> dict[str, str]:
        """The device of each way, by name."""
        first = {forwards.PPPOE: self.pppoe.interface, forwards.MAPE: self.mape.tunnel}
        return {**first, **{name: ways.device(way) for name, way in self.further}}

    @property
    def fixed(self) -> bool:
        """Whether the file gives each softwire completely, so that none depends on a prefix."""
        return all(one.fixed for one in self.softwires.values())

    @property
    def unshared(self) -> dict[str, str]:
        """The devices, by name, of the ways whose address is not shared."""
        fixed = {name: one.tunnel for name, one in self.softwires.items() if isinstance(one, Ipip)}
        return {**{name: one.interface for name, one in self.sessions.items()}, **fixed}

    @property
    def routed(self) -> dict[str, Routed]:
        """The addresses that providers route to a way besides its own, by name of the way."""
        found = {**self.sessions, **self.softwires}
        return {
            name: way.routed
            for name, way in found.items()
            if isinstance(way, Pppoe | Ipip) and way.routed.networks
        }

    @property
    def devices(self) -> tuple[str, ...]:
        """The WAN, the interface of the prefix, and the interfaces inside that are no patterns."""
        inside = (name for zone in self.zones for name in zone.interfaces)
        names = (self.wan.interface, self.prefix_source, *self.lan.interfaces, *inside)
        return tuple(dict.fromkeys(name for name in names if not name.endswith(values.WILDCARD)))

    def is_inside(self, device: str) -> bool:
        """Whether ``device`` is one of the LAN or of a zone."""
        return self.lan.has(device) or any(zone.has(device) for zone in self.zones)


def hooks_dir() -> str:
    """Return the folder of the owner's scripts: hooks.d beside the configuration of the machine.

    A configuration that is only tried, or given with --config, has no scripts of its own.
    """
    return str(path_in_use().absolute().with_name("hooks.d"))


def path_in_use(given: str | None = None) -> Path:
    """Return the configuration's path: ``given`` (--config), DUALWAN_CONFIG, or the default."""
    return Path(given or os.environ.get("DUALWAN_CONFIG") or paths.CONFIG)


def load(path: Path, rules_dir: Rules = RULES_DIR, *, asked: bool = False) -> Config:
    """Read and check ``path``, and the MAP-E rules if it needs them; raises ConfigError.

    It also raises ConfigError if anyone but root may change the file, unless a person has named
    that file on the command line (``asked``).
    """
    return from_text(str(path), read(path, asked=asked), rules_dir)


def read(path: Path, *, asked: bool = False) -> str:
    """Return the text of the file ``path``; raises ConfigError, as ``load`` does."""
    try:
        return files.read_text(path, trusted=not asked)
    except UnicodeDecodeError:
        raise ConfigError(say("{path}:1: is not UTF-8 text", path=path)) from None
    except files.UntrustedError as error:
        raise ConfigError(files.refusal(path, error)) from None
    except OSError as error:
        missing = isinstance(error, FileNotFoundError) and not asked
        remedy = say("; run `dualwan-hook init`") if missing else ""
        raise ConfigError(
            say(
                "{path}: cannot be read: {reason}{remedy}",
                path=path,
                reason=error.strerror,
                remedy=remedy,
            )
        ) from None


def from_text(
    name: str, text: str, rules_dir: Rules = RULES_DIR, *, of_any_version: bool = False
) -> Config:
    """Check ``text``, the content of the file ``name``; raises ConfigError.

    ``of_any_version``: ignore unknown keys, except in [firewall], [[forward]] and [zone.NAME],
    where the key may have kept a service closed, and in [[policy]], which would match more without
    it.
    """
    source = Source(name, text, strict=FILTERS if of_any_version else ("",))
    return from_data(source, parse(name, text), rules_dir, of_any_version=of_any_version)


def from_data(
    source: Source, data: dict[str, Any], rules_dir: Rules, *, of_any_version: bool = False
) -> Config:
    """Check ``data``, the parsed text of ``source``, as ``from_text`` does."""
    for section in data:
        if section not in SECTIONS and not of_any_version:
            meant = nearest(section, SECTIONS)
            fault = source.fault(UNKNOWN, "", section, meant=meant)
            source.fail(unknown(say("section"), section, SECTIONS), section, fault=fault)
    for section in REQUIRED:
        if section not in data:
            fault = source.fault(MISSING, "", section)
            source.fail(say("the section [{section}] is missing", section=section), fault=fault)

    def table(section: str) -> TomlTable:
        return TomlTable(source, section, data.get(section, {}))

    wan = sections.read_wan(table("wan"))
    further = ways.read(source, data.get("way", {}))
    names = tuple(data.get("way", {}))
    config = Config(
        wan=wan,
        lan=sections.read_lan(table("lan"), wan.interface),
        mape=mape_section.read(table("mape"), rules_dir),
        pppoe=sections.read_pppoe(table("pppoe")),
        firewall=firewall.read(table("firewall"), names),
        forwards=forwards.read(source, data.get("forward", []), names),
        router=router_section.read(table("router")),
        zones=zones.read(source, data.get("zone", {}), (*WAYS, *names)),
        further=tuple(further.items()),
        path=source.name,
        text=source.text,
    )
    ways.check(source, config)
    interfaces.check(source, config)
    if "policy" in data:
        config = replace(config, policies=_policies(config, source, data["policy"]))
    _check_forwards(config, source)
    if config.routed:
        _check_routed(config, source)
    _check_offload(config, source)
    inbound_is_explicit = "inbound" in data.get("firewall", {})
    return replace(config, firewall=_firewall(config, source, inbound_is_explicit))


def _policies(config: Config, source: Source, data: Any) -> tuple[Policy, ...]:
    """Return the policies in ``data``; raises ConfigError."""
    from dualwan.config import policies  # noqa: PLC0415 - most configurations have none

    found = policies.read(source, data, (*WAYS, *config.ways), config.lan)
    if found:
        policies.check_beside(source, config, found)
    return found


def _check_routed(config: Config, source: Source) -> None:
    from dualwan.config import routed_beside  # noqa: PLC0415 - most configurations have none

    routed_beside.check(source, config)


def _check_forwards(config: Config, source: Source) -> None:
    """Raise ConfigError for the first forward that this configuration makes impossible."""
    mape, wan = config.mape, config.wan.interface
    ways.check_inbound(source, config)
    if (
        {*config.lan.interfaces} == {wan}
        and not config.zones
        and (found := forwards.with_via(forwards.PINHOLE, config.forwards))
    ):
        source.fail(
            say(
                "IPv6 of a LAN on the WAN's own interface does not pass this router: "
                "it can neither shut nor open it"
            ),
            "forward",
            "to",
            found[0].number,
        )
    if isinstance(mape, MapE) and mape.manual:
        forwards.check_ports(source, config.forwards, mape.manual.port_set)


def _check_offload(config: Config, source: Source) -> None:
    """Raise ConfigError for a flowtable without a LAN: its devices are listed by whole names."""
    if config.firewall.offload and not {*config.lan.devices} - {config.wan.interface}:
        source.fail(
            say(
                "needs an interface in [lan] interfaces that is not the WAN's and has its "
                "whole name"
            ),
            "firewall",
            "offload",
        )


def _firewall(config: Config, source: Source, inbound_is_explicit: bool) -> Firewall:
    """Return the firewall without the services whose ports are forwarded; raises ConfigError."""
    return forwards.without_conflicts(
        source, config.forwards, config.firewall, config.unshared, inbound_is_explicit
    )
