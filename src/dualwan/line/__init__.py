"""From the prefix that the line announces to the softwire that MAP-E uses on it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, IPv6Network

from dualwan.config import Config
from dualwan.config.mape import B4, DS_LITE, IPIP, Mape, Softwire
from dualwan.errors import MapeError
from dualwan.line.provisioning.answer import Known
from dualwan.line.provisioning.answer import mapping as answered
from dualwan.mape.rule import Mapping, derive


@dataclass(frozen=True)
class Derived:
    """A configuration whose softwire is as the line has it now.

    prefix: the one it follows from, "" for a softwire given by hand.
    warnings: what will probably not work, in words.
    learned: what the line said of its rule, asked now or before.
    """

    config: Config
    prefix: str = ""
    warnings: tuple[str, ...] = ()
    learned: tuple[Known, ...] = ()


def from_prefixes(config: Config, prefixes: Sequence[str], remembered: str,
                  learned: tuple[Known, ...] = (), aftr: str = "") -> Derived:
    """Derive the softwire from the first of PREFIXES that a rule covers.

    What was LEARNED from the line goes before the table of rules, in its order. AFTR is the
    address of DS-Lite's other end, where it is known by now.

    The one REMEMBERED counts while the line announces none that could be used: a tunnel
    that worked is not taken down for an advertisement that is late or odd.
    """
    if config.mape.softwire is not None:
        return Derived(config)
    missing = (f"no IPv6 prefix on {config.prefix_source} yet: MAP-E begins when the line "
               "announces one")
    for prefix in (*prefixes, *((remembered,) if remembered else ())):
        try:
            softwire, warnings = _softwire(config.mape, prefix, learned, aftr)
        except MapeError as error:
            missing = str(error)
            continue
        mape = replace(config.mape, softwire=softwire)
        return Derived(replace(config, mape=mape), str(IPv6Network(prefix, strict=False)),
                       warnings=warnings, learned=learned)
    return Derived(replace(config, mape=replace(config.mape, missing=missing)), learned=learned)


def _softwire(mape: Mape, prefix: str, learned: Sequence[Known],
              aftr: str) -> tuple[Softwire, tuple[str, ...]]:
    """The softwire on PREFIX, and warnings; raises MapeError."""
    if mape.mode == DS_LITE:
        if not aftr:
            raise MapeError(f"the address of {mape.aftr} (mape.aftr) is not known yet")
        return Softwire(IPv6Address(aftr), _own_end(mape, prefix), B4, None, f"AFTR {mape.aftr}",
                        translated=False), ()
    if mape.mode == IPIP and mape.br and mape.ipv4:
        return Softwire(mape.br, _own_end(mape, prefix), mape.ipv4, None), ()
    mapping = _learned(prefix, learned) or _configured(mape, prefix)
    rule = mapping.rule
    if mapping.br is None:
        raise MapeError(f"the rule for {rule.ipv6_prefix} names no border relay ({rule.source})")
    softwire = Softwire(mapping.br, mapping.ce, mapping.ipv4, mapping.port_set,
                        f"{rule.provider or 'rule'} {rule.ipv6_prefix} ({rule.source})")
    return softwire, mapping.warnings


def _own_end(mape: Mape, prefix: str) -> IPv6Address:
    """The address of PREFIX (its first 64 bits) with the interface identifier of MAPE."""
    network = IPv6Network(prefix, strict=False)
    return IPv6Address(int(network.network_address) >> 64 << 64 | int(mape.interface_id or 0))


def _learned(prefix: str, learned: Sequence[Known]) -> Mapping | None:
    """By the first answer that covers PREFIX: one for another prefix says nothing of it."""
    for known in learned:
        with suppress(MapeError):
            return answered(known.answer, prefix)
    return None


def _configured(mape: Mape, prefix: str) -> Mapping:
    if mape.rule is not None:
        return derive(mape.rule, prefix)
    if mape.rules is not None:
        return derive(mape.rules.lookup(prefix, mape.provider), prefix)
    raise MapeError("neither rules nor values are configured")
