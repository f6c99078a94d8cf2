"""All errors of a configuration at once.

The readers stop at the first error, which is enough for the log of an event. For a person the text
is read again and again, each time with the last error replaced by a value that conflicts with no
other, until no error is left. An error that may be a consequence of such a value is not shown.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from dualwan.config import from_data
from dualwan.config.examples import example, of_any_name
from dualwan.errors import (
    AT_ODDS,
    UNKNOWN,
    WRONG,
    ConfigError,
    ConfigErrors,
    Fault,
)
from dualwan.mape.table import Rules
from dualwan.toml_source import Source, parse
from dualwan.words import say

MOST = 50  # errors shown; with more the file is probably another one than the person means

_RULE = {"ipv6-prefix": "2001:db8::/32", "ipv4-prefix": "192.0.2.0/24", "ea-length": 8}
# A value for each key without default, chosen so that it conflicts with no other key.
_NEUTRAL: dict[tuple[str, str], Any] = {
    ("", "wan"): {"interface": "@wan@"},
    ("", "lan"): {"interfaces": ["@lan@"]},
    ("", "mape"): {},
    ("wan", "interface"): "@wan@",
    ("lan", "interfaces"): ["@lan@"],
    ("mape", "br"): "2001:db8:ffff:ffff::1",
    ("mape", "ce"): "2001:db8:ffff:ffff::2",
    ("mape", "ipv4"): "192.0.2.1",
    ("mape", "psid"): 0,
    ("mape", "psid-length"): 0,
    ("mape", "aftr"): "aftr.example.jp",
    ("mape", "interface-id"): "::1",
    ("mape", "rule"): _RULE,
    **{("mape.rule", key): value for key, value in _RULE.items()},
    ("way", "peer"): "any-peer",
    ("way", "interface"): "@ppp@",
    ("way", "br"): "2001:db8:ffff:ffff::3",
    ("way", "ipv4"): "192.0.2.3",
    ("way", "ce"): "2001:db8:ffff:ffff::4",
    ("way", "interface-id"): "::3",
    ("way", "aftr"): "2001:db8:ffff:ffff::3",
    ("forward", "protocol"): "tcp",
    ("forward", "port"): 49152,  # plus the number of the table
    ("forward", "to"): "2001:db8::1",
}
# Keys that decide which other keys a section has; without them only _IN_ANY_MODE is kept.
_DECIDING = ("mode", "provider")
_IN_ANY_MODE = ("prefix-from", "wait", "tunnel", "mtu")
_ROLES = ("wan", "lan", "mape", "pppoe", "way", "zone")
# By section, the other sections whose values can conflict with its own.
_RELATED = {
    **dict.fromkeys(("lan", "mape", "pppoe", "way", "policy", "zone"), _ROLES),
    "forward": (*_ROLES, "firewall"),
}
_ARRAYS = ("forward", "policy")


def of_text(name: str, text: str, rules_dir: Rules) -> ConfigError | None:
    """Return all errors of ``text``, the content of the file ``name``; None without any."""
    try:
        data = parse(name, text)
    except ConfigError as error:
        return error
    source, found = Source(name, text), _Errors(name)
    for _ in range(MOST):
        try:
            from_data(source, data, rules_dir)
        except ConfigError as error:
            fault = error.fault
            if fault is None or fault.file != name:  # an error in rules.d
                if found.without_rules:
                    break
                found.without_rules = True
                found.add(error)
                rules_dir = {}
            elif not found.take(error, fault):
                break
            else:
                for further in _of_items(source, data, rules_dir, error):
                    found.also(further, fault)
                _mend(data, fault)
                if fault.meant:
                    source.meant(fault.section, fault.key, fault.meant, fault.number)
        else:
            break
    return ConfigErrors(found.lines) if found.lines else None


class _Errors:
    """The errors so far, and the places that were mended on account of them."""

    def __init__(self, name: str) -> None:
        self.without_rules = False
        self._name = name
        self._told: list[tuple[int, str]] = []
        self._seen: set[Fault] = set()
        self._mended: set[tuple[str, int]] = set()

    @property
    def lines(self) -> tuple[str, ...]:
        """The errors, in the order of the file, then those of other files."""
        return tuple(line for _, line in sorted(self._told, key=lambda one: one[0]))

    def add(self, error: ConfigError) -> None:
        """Add an error of another file."""
        self._told.append((1 << 31, str(error)))

    def take(self, error: ConfigError, fault: Fault) -> bool:
        """Add ``error`` unless a mended value may have caused it; return False if repeated."""
        if fault in self._seen:
            return False
        self._seen.add(fault)
        if not self._follows(fault):
            self._told.append((fault.line, _with_example(error, fault)))
        if fault.kind != UNKNOWN:
            self._mended.add((fault.section or fault.key, fault.number))
        return True

    def also(self, error: ConfigError, fault: Fault) -> None:
        """Add ``error``, of another item of the list with ``fault``."""
        self._told.append((fault.line, _with_example(error, fault)))

    def _follows(self, fault: Fault) -> bool:
        if fault.section == "mape" and fault.key == "provider" and self.without_rules:
            return True
        if fault.kind != AT_ODDS:
            return False
        sections = {of_any_name(section) for section, _ in self._mended}
        return (fault.section, fault.number) in self._mended or not sections.isdisjoint(
            _RELATED.get(of_any_name(fault.section), ())
        )


def _with_example(error: ConfigError, fault: Fault) -> str:
    """Return ``error`` with an example, unless it gives one."""
    text = str(error)
    shown = example(fault.section, fault.meant if fault.kind == UNKNOWN else fault.key)
    return (
        text
        if not shown or " such as " in text
        else say("{text} (example: {shown})", text=text, shown=shown)
    )


def _of_items(
    source: Source, data: dict[str, Any], rules_dir: Rules, first: ConfigError
) -> Iterator[ConfigError]:
    """Yield the errors of the items of a list but that of the ``first`` wrong one."""
    fault = first.fault
    if fault is None or fault.kind != WRONG or not fault.key:
        return
    table = _table(data, fault.section, fault.number)
    items = table.get(fault.key)
    if not isinstance(items, list):
        return
    told = {str(first)}
    for item in items[:MOST]:
        table[fault.key] = [item]
        try:
            from_data(source, data, rules_dir)
        except ConfigError as error:
            same = error.fault is not None and error.fault[:4] == fault[:4]
            if same and str(error) not in told:
                told.add(str(error))
                yield error
    table[fault.key] = items


def _mend(data: dict[str, Any], fault: Fault) -> None:
    """Change ``data`` so that ``fault`` is no error any more."""
    section, key = fault.section, fault.key
    if not key:  # the table as a whole
        section, _, key = section.rpartition(".")
    table = _table(data, section, fault.number)
    neutral = copy.deepcopy(_neutral(section, key))
    if (fault.kind == AT_ODDS and fault.section in _ARRAYS) or (
        fault.section == "policy" and not fault.meant
    ):  # a policy without a key would match more, and hide the next
        data[fault.section][fault.number] = None
    elif fault.kind == UNKNOWN:
        value = table.pop(key)
        if fault.meant and fault.meant not in table:
            table[fault.meant] = value
    elif of_any_name(section) == "way" and key == "type":
        data["way"][section.partition(".")[2]] = None
    elif section == "mape" and key in _DECIDING:
        if fault.meant:
            table[key] = fault.meant
        else:
            data["mape"] = {name: table[name] for name in _IN_ANY_MODE if name in table}
    elif not section and key in _ARRAYS and isinstance(data[key], list):
        data[key][fault.number] = None
    elif neutral is not None:
        table[key] = neutral + fault.number if key == "port" else neutral
    else:
        table.pop(key, None)


def _neutral(section: str, key: str) -> Any:
    if of_any_name(section) == "zone" and key == "interfaces":
        return [f"@{section.removeprefix('zone.')}"]  # 15 letters at most: a zone's name has 14
    return _NEUTRAL.get((of_any_name(section), key))


def _table(data: dict[str, Any], section: str, number: int) -> dict[str, Any]:
    """Return the table ``section`` of ``data``, in an array of tables the one with ``number``."""
    found: Any = data
    for name in section.split(".") if section else ():
        found = found.setdefault(name, {})
        if isinstance(found, list):
            found = found[number]
    return found  # type: ignore[no-any-return]
