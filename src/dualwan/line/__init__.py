"""The present state of the line: its ways, and the softwire of its prefix. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from dualwan.config import Config
from dualwan.config.mape import SOURCES, DsLite, Ipip, MapE
from dualwan.errors import MapeError
from dualwan.frozen import dataclass, replace
from dualwan.line import ways
from dualwan.line.provisioning.answer import CachedAnswer, ce_parameters
from dualwan.mape.rule import CeParameters, derive
from dualwan.model.way import Softwire, Way
from dualwan.words import say

B4 = IPv4Address("192.0.0.2")  # RFC 6333 section 5.7: inner address of a B4


@dataclass(frozen=True)
class Line:
    """The line, derived from a configuration and from the present state of the line.

    ways: to the IPv4 internet, the default one first.
    softwire: None if it has to be derived and cannot be; missing: the reason, else "".
    prefix: the IPv6 prefix of the softwire, "" if the configuration gives the softwire.
    warnings: sentences for the user on what will probably not work.
    answers: of the provisioning sources, cached. lacking: reasons as ``missing``, of further ways.
    """

    ways: tuple[Way, ...] = ()
    softwire: Softwire | None = None
    missing: str = ""
    prefix: str = ""
    warnings: tuple[str, ...] = ()
    answers: tuple[CachedAnswer, ...] = ()
    lacking: tuple[str, ...] = ()


def derive_line(
    config: Config,
    prefixes: Sequence[str] = (),
    last_prefix: str = "",
    answers: tuple[CachedAnswer, ...] = (),
    aftr: str = "",
) -> Line:
    """Return the line, its softwire derived from the first of ``prefixes`` that a rule covers.

    ``answers``: see ``_map_e``. ``aftr``: IPv6 address of DS-Lite's AFTR, "" while unknown.

    ``last_prefix``, of the last softwire, precedes the others while it is one of ``prefixes``: any
    device on the link can announce a prefix with a longer lifetime. If no other prefix is usable,
    it is used even if the line does not announce it, so that a late or odd router advertisement
    does not take down a working tunnel.
    """
    rest = [prefix for prefix in prefixes if prefix != last_prefix]
    last = [last_prefix] if last_prefix else []
    ordered = (*last, *rest) if last_prefix in prefixes else (*rest, *last)
    return _with_ways(config, _of_mape(config, ordered, answers, aftr), ordered)


def _of_mape(
    config: Config, prefixes: Sequence[str], answers: tuple[CachedAnswer, ...], aftr: str
) -> Line:
    """Return the line without its ways; its softwire is of the first usable prefix."""
    if config.mape.fixed:
        return Line(softwire=_configured(config.mape))
    missing = say(
        "no IPv6 prefix on {prefix_source} yet: MAP-E begins when the line announces one",
        prefix_source=config.prefix_source,
    )
    for prefix in prefixes:
        try:
            softwire, warnings = _softwire(config.mape, prefix, answers, aftr)
        except MapeError as error:
            missing = str(error)
            continue
        return Line(softwire=softwire, prefix=_network(prefix), warnings=warnings, answers=answers)
    return Line(missing=missing, answers=answers)


def _with_ways(config: Config, line: Line, prefixes: Sequence[str]) -> Line:
    """Return ``line`` with its ways; further softwires are derived from the same prefix."""
    found: dict[str, Softwire] = {}
    lacking: list[str] = []
    prefix = line.prefix or next(iter(prefixes), "")
    for name, asked in config.softwires.items():
        if name not in config.ways:
            continue
        softwire = _configured(asked)
        if softwire is None and prefix:
            softwire, _ = _softwire(asked, prefix, (), "")
            line = replace(line, prefix=_network(prefix))
        if softwire:
            found[name] = softwire
        else:
            lacking.append(
                say(
                    "no IPv6 prefix on {prefix_source} yet: {way} begins when the line announces "
                    "one",
                    prefix_source=config.prefix_source,
                    way=name,
                )
            )
    return replace(line, ways=ways.ways_of(config, line.softwire, found), lacking=tuple(lacking))


def _network(prefix: str) -> str:
    return str(IPv6Network(prefix, strict=False))


def _configured(mape: MapE | Ipip | DsLite) -> Softwire | None:
    """Return the softwire that the configuration gives, None if it is to be derived."""
    if isinstance(mape, MapE) and mape.manual:
        manual = mape.manual
        return Softwire(manual.br, manual.ce, manual.ipv4, manual.port_set)
    if isinstance(mape, Ipip) and mape.ce:
        return Softwire(mape.br, mape.ce, mape.ipv4, None)
    return None


def _softwire(
    mape: MapE | Ipip | DsLite, prefix: str, answers: Sequence[CachedAnswer], aftr: str
) -> tuple[Softwire, tuple[str, ...]]:
    """Return the softwire derived from ``prefix``, and warnings; raises MapeError."""
    if isinstance(mape, DsLite):
        aftr = mape.aftr if ":" in mape.aftr else aftr
        if not aftr:
            raise MapeError(
                say("the address of {aftr} (mape.aftr) is not known yet", aftr=mape.aftr)
            )
        return Softwire(
            IPv6Address(aftr),
            _local_address(mape.interface_id, prefix),
            B4,
            None,
            f"AFTR {mape.aftr}",
            translated=False,
        ), ()
    if isinstance(mape, Ipip):
        return Softwire(mape.br, _local_address(mape.interface_id, prefix), mape.ipv4, None), ()
    parameters, doubts = _map_e(mape, prefix, answers)
    rule = parameters.rule
    if parameters.br is None:
        raise MapeError(
            say(
                "the rule for {ipv6_prefix} names no border relay ({source})",
                ipv6_prefix=rule.ipv6_prefix,
                source=rule.source,
            )
        )
    softwire = Softwire(
        parameters.br,
        parameters.ce,
        parameters.ipv4,
        parameters.port_set,
        f"{rule.provider or 'rule'} {rule.ipv6_prefix} ({rule.source})",
    )
    return softwire, (*parameters.warnings, *doubts)


def _local_address(interface_id: IPv6Address | None, prefix: str) -> IPv6Address:
    """Return the first 64 bits of ``prefix`` with an interface identifier."""
    network = IPv6Network(prefix, strict=False)
    return IPv6Address(int(network.network_address) >> 64 << 64 | int(interface_id or 0))


def _map_e(
    mape: MapE, prefix: str, answers: Sequence[CachedAnswer]
) -> tuple[CeParameters, tuple[str, ...]]:
    """Return the CE derived from ``prefix``, and a warning if answer and known rule contradict.

    Then the known rule counts: an answer is only as trustworthy as DNS or DHCPv6, which any device
    on the path can forge. An answer counts if no known rule covers the prefix, and alone if
    ``provider`` is its source. Raises MapeError.
    """
    learned = _from_answers(prefix, answers)
    if mape.provider in SOURCES:
        if learned is None:
            raise MapeError(
                say(
                    "{provider} has told no rule for {prefix} yet",
                    provider=mape.provider,
                    prefix=prefix,
                )
            )
        return learned, ()
    try:
        known = _from_rules(mape, prefix)
    except MapeError:
        if learned is None:
            raise
        return learned, ()
    if learned is None or _ends(learned) == _ends(known):
        return known if learned is None else learned, ()
    return _followed(learned, known, prefix)


def _followed(
    learned: CeParameters, known: CeParameters, prefix: str
) -> tuple[CeParameters, tuple[str, ...]]:
    """Return which of two contradicting results counts, and a warning about that."""
    source = learned.rule.provider
    contradiction = say(
        "{source} says {told}, and the rule known for {prefix} {known} ({rule_source})",
        source=source,
        told=_described(learned),
        prefix=prefix,
        known=_described(known),
        rule_source=known.rule.source,
    )
    if known.br is None:
        return learned, (
            say(
                "{contradiction}: {source} is followed, for that rule names no relay",
                contradiction=contradiction,
                source=source,
            ),
        )
    return known, (
        say(
            '{contradiction}: that is in use; provider = "{source}" would follow {source} alone',
            contradiction=contradiction,
            source=source,
        ),
    )


def _ends(found: CeParameters) -> tuple[object, ...]:
    return found.br, found.ce, found.ipv4, found.port_set


def _described(found: CeParameters) -> str:
    return say(
        "{ipv4} by {br} as {ce}",
        ipv4=found.ipv4,
        br=found.br or say("no border relay"),
        ce=found.ce,
    )


def _from_answers(prefix: str, answers: Sequence[CachedAnswer]) -> CeParameters | None:
    """Derive from the first answer that covers ``prefix``, None if there is none."""
    for cached in answers:
        with suppress(MapeError):
            return ce_parameters(cached.answer, prefix)
    return None


def _from_rules(mape: MapE, prefix: str) -> CeParameters:
    """Derive from the rule of the configuration, else from the table; raises MapeError."""
    if mape.rule is not None:
        return derive(mape.rule, prefix)
    if mape.rules is not None:
        return derive(mape.rules.lookup(prefix, mape.provider), prefix)
    raise MapeError(say("neither rules nor values are configured"))
