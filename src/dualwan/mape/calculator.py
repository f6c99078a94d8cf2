"""The MAP-E calculator: `dualwan-hook mape PREFIX`, text in and text out.

Needs neither root nor a configuration nor any package but this one.
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
    """Return what follows from ``prefix`` (a prefix or a full address) as a table or as JSON.

    Raises MapeError, whose text says what is known of the prefix and what to try, when no
    rule covers it; ConfigError when a file of ``rules_dir`` is wrong.
    """
    given = parse_prefix(prefix.strip())
    mapping = derive(load_table(rules_dir).lookup(given, provider), given)
    return _json(given, mapping) if as_json else _table(given, mapping)


def as_dict(mapping: CeParameters) -> dict[str, Any]:
    """Return a mapping as plain values; names as in the configuration's [mape]."""
    rule, ports = mapping.rule, mapping.port_set
    return {
        "prefix": str(mapping.end_user_prefix),
        "ipv4": str(mapping.ipv4),
        "shared": mapping.shared,
        "psid": ports.psid,
        "psid-offset": ports.psid_offset,
        "psid-length": ports.psid_length,
        "ce": str(mapping.ce),
        "br": None if mapping.br is None else str(mapping.br),
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
        "warnings": list(mapping.warnings),
    }


def _json(given: IPv6Interface, mapping: CeParameters) -> str:
    import json  # noqa: PLC0415  the table does without

    return json.dumps({"given": str(given), **as_dict(mapping)}, indent=2)


def _table(given: IPv6Interface, mapping: CeParameters) -> str:
    rule, ports = mapping.rule, mapping.port_set
    used_by = f"shared by {ports.sharing_ratio}" if mapping.shared else "not shared"
    psid = f"{ports.psid} (0x{ports.psid:x}), {ports.psid_length} bits, offset {ports.psid_offset}"
    ranges = ports.ranges()
    rows = [
        ("prefix", _prefix(given, mapping)),
        ("IPv4", f"{mapping.ipv4} ({used_by})"),
        ("PSID", psid if mapping.shared else "none"),
        ("CE", str(mapping.ce)),
        ("BR", "not known" if mapping.br is None else str(mapping.br)),
        ("ports", f"{len(ports)} in {len(ranges)} range{'s' * (len(ranges) > 1)}"),
        *(("", line) for line in _range_lines(ranges)),
        ("rule", f"{rule.provider}: {rule}, layout {rule.layout}"),
        ("from", rule.source),
        *(("warning", warning) for warning in mapping.warnings),
    ]
    return "\n".join(f"{label:{_LABEL}}{text}" for label, text in rows)


def _prefix(given: IPv6Interface, mapping: CeParameters) -> str:
    used, whole = str(mapping.end_user_prefix), str(given)
    return used if whole == used else f"{used} (of {whole.removesuffix('/128')})"


def _range_lines(ranges: tuple[tuple[int, int], ...]) -> list[str]:
    texts = [str(low) if low == high else f"{low}-{high}" for low, high in ranges]
    width = max(map(len, texts))
    return [
        "  ".join(text.ljust(width) for text in texts[at : at + _RANGES_PER_LINE]).rstrip()
        for at in range(0, len(texts), _RANGES_PER_LINE)
    ]
