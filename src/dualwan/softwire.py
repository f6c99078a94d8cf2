"""From the prefix that the line announces to the softwire that MAP-E uses on it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Network

from dualwan.config import Config, Softwire
from dualwan.errors import MapeError
from dualwan.mape import Mapping, derive


@dataclass(frozen=True)
class Derived:
    """A configuration whose softwire is as the line has it now.

    prefix: the one it follows from, "" for a softwire given by hand.
    warnings: what will probably not work, in words.
    """

    config: Config
    prefix: str = ""
    warnings: tuple[str, ...] = ()


def from_prefixes(config: Config, prefixes: Sequence[str], remembered: str) -> Derived:
    """Derive the softwire from the first of PREFIXES that a rule covers.

    The one REMEMBERED counts while the line announces none that could be used: a tunnel
    that worked is not taken down for an advertisement that is late or odd.
    """
    if config.mape.softwire is not None:
        return Derived(config)
    missing = (f"no IPv6 prefix on {config.prefix_source} yet: MAP-E begins when the line "
               "announces one")
    for prefix in (*prefixes, *((remembered,) if remembered else ())):
        try:
            mapping, softwire = _softwire(config, prefix)
        except MapeError as error:
            missing = str(error)
            continue
        mape = replace(config.mape, softwire=softwire)
        return Derived(replace(config, mape=mape), str(IPv6Network(prefix, strict=False)),
                       warnings=mapping.warnings)
    return Derived(replace(config, mape=replace(config.mape, missing=missing)))


def _softwire(config: Config, prefix: str) -> tuple[Mapping, Softwire]:
    mape = config.mape
    if mape.rule is not None:
        rule = mape.rule
    elif mape.rules is not None:
        rule = mape.rules.lookup(prefix, mape.provider)
    else:
        raise MapeError("neither rules nor values are configured")
    mapping = derive(rule, prefix)
    if mapping.br is None:
        raise MapeError(f"the rule for {rule.ipv6_prefix} names no border relay ({rule.source})")
    return mapping, Softwire(mapping.br, mapping.ce, mapping.ipv4, mapping.port_set,
                             f"{rule.provider or 'rule'} {rule.ipv6_prefix} ({rule.source})")
