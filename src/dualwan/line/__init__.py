"""What the line is now: the softwire that follows from its prefix and the configuration. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from dualwan.config import Config
from dualwan.config.mape import DsLite, Ipip, MapE
from dualwan.errors import MapeError
from dualwan.line import ways as the_ways
from dualwan.line.provisioning.answer import Known
from dualwan.line.provisioning.answer import mapping as answered
from dualwan.mape.rule import CeParameters, derive
from dualwan.model.way import Softwire, Way

B4 = IPv4Address("192.0.0.2")  # RFC 6333 section 5.7: the inner address of every B4


@dataclass(frozen=True)
class Line:
    """What follows from a configuration and from the line as it is now.

    ways: to the IPv4 internet, the default one first.
    softwire: None as long as it has to be derived and cannot be; missing: then says why.
    prefix: the one that it follows from, "" for a softwire given by the configuration.
    warnings: what will probably not work, in words.
    learned: what the line said of its rule, asked now or before.
    """

    ways: tuple[Way, ...] = ()
    softwire: Softwire | None = None
    missing: str = ""
    prefix: str = ""
    warnings: tuple[str, ...] = ()
    learned: tuple[Known, ...] = ()


def derive_line(
    config: Config,
    prefixes: Sequence[str] = (),
    remembered: str = "",
    learned: tuple[Known, ...] = (),
    aftr: str = "",
) -> Line:
    """Derive the softwire from the first of ``prefixes`` that a rule covers.

    What was ``learned`` from the line goes before the table of rules, in its order. ``aftr``
    is the address of DS-Lite's other end, "" where it is not known yet.

    The prefix ``remembered`` counts while the line announces none that could be used: a
    tunnel that worked is not taken down for an advertisement that is late or odd.
    """
    if config.mape.fixed:
        return _line(config, _given(config.mape))
    missing = (
        f"no IPv6 prefix on {config.prefix_source} yet: MAP-E begins when the line announces one"
    )
    for prefix in (*prefixes, *((remembered,) if remembered else ())):
        try:
            softwire, warnings = _softwire(config.mape, prefix, learned, aftr)
        except MapeError as error:
            missing = str(error)
            continue
        return replace(
            _line(config, softwire),
            prefix=str(IPv6Network(prefix, strict=False)),
            warnings=warnings,
            learned=learned,
        )
    return replace(_line(config, None), missing=missing, learned=learned)


def _line(config: Config, softwire: Softwire | None) -> Line:
    return Line(the_ways.ways_of(config, softwire), softwire)


def _given(mape: MapE | Ipip | DsLite) -> Softwire | None:
    """The softwire that the configuration gives, None where it gives none."""
    if isinstance(mape, MapE) and mape.manual:
        manual = mape.manual
        return Softwire(manual.br, manual.ce, manual.ipv4, manual.port_set)
    if isinstance(mape, Ipip) and mape.ce:
        return Softwire(mape.br, mape.ce, mape.ipv4, None)
    return None


def _softwire(
    mape: MapE | Ipip | DsLite, prefix: str, learned: Sequence[Known], aftr: str
) -> tuple[Softwire, tuple[str, ...]]:
    """The softwire on ``prefix``, and warnings; raises MapeError."""
    if isinstance(mape, DsLite):
        if not aftr:
            raise MapeError(f"the address of {mape.aftr} (mape.aftr) is not known yet")
        return Softwire(
            IPv6Address(aftr),
            _own_end(mape.interface_id, prefix),
            B4,
            None,
            f"AFTR {mape.aftr}",
            translated=False,
        ), ()
    if isinstance(mape, Ipip):
        return Softwire(mape.br, _own_end(mape.interface_id, prefix), mape.ipv4, None), ()
    mapping = _by_answer(prefix, learned) or _by_table(mape, prefix)
    rule = mapping.rule
    if mapping.br is None:
        raise MapeError(f"the rule for {rule.ipv6_prefix} names no border relay ({rule.source})")
    softwire = Softwire(
        mapping.br,
        mapping.ce,
        mapping.ipv4,
        mapping.port_set,
        f"{rule.provider or 'rule'} {rule.ipv6_prefix} ({rule.source})",
    )
    return softwire, mapping.warnings


def _own_end(interface_id: IPv6Address | None, prefix: str) -> IPv6Address:
    """The address of ``prefix`` (its first 64 bits) with an interface identifier."""
    network = IPv6Network(prefix, strict=False)
    return IPv6Address(int(network.network_address) >> 64 << 64 | int(interface_id or 0))


def _by_answer(prefix: str, learned: Sequence[Known]) -> CeParameters | None:
    """By the first answer that covers ``prefix``: one for another prefix says nothing of it."""
    for known in learned:
        with suppress(MapeError):
            return answered(known.answer, prefix)
    return None


def _by_table(mape: MapE, prefix: str) -> CeParameters:
    """By the rule of the configuration, else by the table of rules; raises MapeError."""
    if mape.rule is not None:
        return derive(mape.rule, prefix)
    if mape.rules is not None:
        return derive(mape.rules.lookup(prefix, mape.provider), prefix)
    raise MapeError("neither rules nor values are configured")
