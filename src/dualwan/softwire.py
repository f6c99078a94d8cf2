"""From the prefix that the line announces to the softwire that MAP-E uses on it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv6Network

from dualwan.config import Config, Mape, Softwire
from dualwan.errors import MapeError
from dualwan.mape import Mapping, derive
from dualwan.provisioning.answer import Known
from dualwan.provisioning.answer import mapping as answered


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
                  learned: tuple[Known, ...] = ()) -> Derived:
    """Derive the softwire from the first of PREFIXES that a rule covers.

    What was LEARNED from the line goes before the table of rules, in its order.

    The one REMEMBERED counts while the line announces none that could be used: a tunnel
    that worked is not taken down for an advertisement that is late or odd.
    """
    if config.mape.softwire is not None:
        return Derived(config)
    missing = (f"no IPv6 prefix on {config.prefix_source} yet: MAP-E begins when the line "
               "announces one")
    for prefix in (*prefixes, *((remembered,) if remembered else ())):
        try:
            mapping, softwire = _softwire(config, prefix, learned)
        except MapeError as error:
            missing = str(error)
            continue
        mape = replace(config.mape, softwire=softwire)
        return Derived(replace(config, mape=mape), str(IPv6Network(prefix, strict=False)),
                       warnings=mapping.warnings, learned=learned)
    return Derived(replace(config, mape=replace(config.mape, missing=missing)), learned=learned)


def _softwire(config: Config, prefix: str,
              learned: Sequence[Known]) -> tuple[Mapping, Softwire]:
    mapping = _learned(prefix, learned) or _configured(config.mape, prefix)
    rule = mapping.rule
    if mapping.br is None:
        raise MapeError(f"the rule for {rule.ipv6_prefix} names no border relay ({rule.source})")
    return mapping, Softwire(mapping.br, mapping.ce, mapping.ipv4, mapping.port_set,
                             f"{rule.provider or 'rule'} {rule.ipv6_prefix} ({rule.source})")


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
