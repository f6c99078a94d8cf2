"""The MAP-E calculator behind `dualwan-hook mape`: text in, text out.

It needs neither root, nor a configuration, nor any package except this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dualwan import cells
from dualwan.catalogue import shown
from dualwan.mape.portset import PortSet
from dualwan.mape.rule import CeParameters, derive, parse_prefix
from dualwan.mape.table import AUTO, RULES_DIR, load_table
from dualwan.words import say

if TYPE_CHECKING:
    from ipaddress import IPv6Interface
    from pathlib import Path

_LABEL = 12  # columns of the labels, at least
_RANGES_PER_LINE = 5


def render(
    prefix: str, provider: str = AUTO, *, as_json: bool = False, rules_dir: Path = RULES_DIR
) -> str:
    """Return the CE's parameters for ``prefix`` (or a full address) as a table or as JSON.

    The table is in the person's language.

    Raises MapeError if no rule covers the prefix, with a hint why and a remedy; ConfigError
    for a faulty file in ``rules_dir``.
    """
    given = parse_prefix(prefix.strip())
    parameters = derive(load_table(rules_dir).lookup(given, provider), given)
    return _json(given, parameters) if as_json else _table(given, parameters)


def as_dict(parameters: CeParameters) -> dict[str, Any]:
    """Return the parameters as plain values, under the names of [mape] in the configuration."""
    rule, ports = parameters.rule, parameters.port_set
    return {
        "prefix": str(parameters.end_user_prefix),
        "ipv4": str(parameters.ipv4),
        "shared": parameters.shared,
        "psid": ports.psid,
        "psid-offset": ports.psid_offset,
        "psid-length": ports.psid_length,
        "ce": str(parameters.ce),
        "br": None if parameters.br is None else str(parameters.br),
        "ports": len(ports),
        "ranges": [list(one) for one in ports.ranges()],
        "rule": {
            "provider": rule.provider,
            "ipv6-prefix": str(rule.ipv6_prefix),
            "ipv4-prefix": str(rule.ipv4_prefix),
            "ea-length": rule.ea_length,
            "psid-offset": rule.psid_offset,
            "layout": rule.layout,
            "source": rule.source,
        },
        "warnings": list(parameters.warnings),
    }


def _json(given: IPv6Interface, parameters: CeParameters) -> str:
    import json  # noqa: PLC0415 - only --json needs it

    return json.dumps({"given": str(given), **as_dict(parameters)}, indent=2)


def _table(given: IPv6Interface, parameters: CeParameters) -> str:
    rule, ports = parameters.rule, parameters.port_set
    rows = [
        (say("prefix"), _prefix(given, parameters)),
        ("IPv4", _address(parameters)),
        ("PSID", _psid(ports) if parameters.shared else say("none")),
        ("CE", str(parameters.ce)),
        ("BR", say("not known") if parameters.br is None else str(parameters.br)),
        (say("ports"), _number(ports)),
        *(("", line) for line in _range_lines(ports.ranges())),
        (say("rule"), f"{rule.provider}: {rule}, layout {rule.layout}"),
        (say("source"), rule.source),
        *((say("warning"), warning) for warning in parameters.warnings),
    ]
    labels = [shown(label) for label, _ in rows]
    size = max(_LABEL, *(cells.width(label) + 2 for label in labels))
    return "\n".join(
        f"{cells.padded(label, size)}{shown(text)}"
        for label, (_, text) in zip(labels, rows, strict=True)
    )


def _address(parameters: CeParameters) -> str:
    if not parameters.shared:
        return say("{address} (not shared)", address=parameters.ipv4)
    return say(
        "{address} (shared by {number})",
        address=parameters.ipv4,
        number=parameters.port_set.sharing_ratio,
    )


def _psid(ports: PortSet) -> str:
    return say(
        "{psid} (0x{psid:x}), {length} bits, offset {offset}",
        psid=ports.psid,
        length=ports.psid_length,
        offset=ports.psid_offset,
    )


def _number(ports: PortSet) -> str:
    if len(ports.ranges()) == 1:
        return say("{ports} in 1 range", ports=len(ports))
    return say("{ports} in {ranges} ranges", ports=len(ports), ranges=len(ports.ranges()))


def _prefix(given: IPv6Interface, parameters: CeParameters) -> str:
    used, whole = str(parameters.end_user_prefix), str(given)
    if whole == used:
        return used
    return say("{prefix} (of {given})", prefix=used, given=whole.removesuffix("/128"))


def _range_lines(ranges: tuple[tuple[int, int], ...]) -> list[str]:
    texts = [str(low) if low == high else f"{low}-{high}" for low, high in ranges]
    width = max(map(len, texts))
    return [
        "  ".join(text.ljust(width) for text in texts[at : at + _RANGES_PER_LINE]).rstrip()
        for at in range(0, len(texts), _RANGES_PER_LINE)
    ]
