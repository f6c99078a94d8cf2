"""The MAP-E calculator behind `dualwan-hook mape`: text in, text out.

It needs neither root, nor a configuration, nor any package except this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dualwan.mape.rule import CeParameters, derive, parse_prefix
from dualwan.mape.table import AUTO, RULES_DIR, load_table

if TYPE_CHECKING:
    from ipaddress import IPv6Interface
    from pathlib import Path

_LABEL = 12  # columns of the labels
_RANGES_PER_LINE = 5


def render(
    prefix: str, provider: str = AUTO, *, as_json: bool = False, rules_dir: Path = RULES_DIR
) -> str:
    """Return the CE's parameters for ``prefix`` (or a full address) as a table or as JSON.

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
    import json  # noqa: PLC0415  only --json needs it

    return json.dumps({"given": str(given), **as_dict(parameters)}, indent=2)


def _table(given: IPv6Interface, parameters: CeParameters) -> str:
    rule, ports = parameters.rule, parameters.port_set
    used_by = f"shared by {ports.sharing_ratio}" if parameters.shared else "not shared"
    psid = f"{ports.psid} (0x{ports.psid:x}), {ports.psid_length} bits, offset {ports.psid_offset}"
    ranges = ports.ranges()
    rows = [
        ("prefix", _prefix(given, parameters)),
        ("IPv4", f"{parameters.ipv4} ({used_by})"),
        ("PSID", psid if parameters.shared else "none"),
        ("CE", str(parameters.ce)),
        ("BR", "not known" if parameters.br is None else str(parameters.br)),
        ("ports", f"{len(ports)} in {len(ranges)} range{'s' * (len(ranges) > 1)}"),
        *(("", line) for line in _range_lines(ranges)),
        ("rule", f"{rule.provider}: {rule}, layout {rule.layout}"),
        ("from", rule.source),
        *(("warning", warning) for warning in parameters.warnings),
    ]
    return "\n".join(f"{label:{_LABEL}}{text}" for label, text in rows)


def _prefix(given: IPv6Interface, parameters: CeParameters) -> str:
    used, whole = str(parameters.end_user_prefix), str(given)
    return used if whole == used else f"{used} (of {whole.removesuffix('/128')})"


def _range_lines(ranges: tuple[tuple[int, int], ...]) -> list[str]:
    texts = [str(low) if low == high else f"{low}-{high}" for low, high in ranges]
    width = max(map(len, texts))
    return [
        "  ".join(text.ljust(width) for text in texts[at : at + _RANGES_PER_LINE]).rstrip()
        for at in range(0, len(texts), _RANGES_PER_LINE)
    ]
