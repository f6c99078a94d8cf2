"""The kernel's network state as text, taken twice and compared."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guest import command
from guest.addresses import CE, MAPE_ADDRESS, TUNNEL

# Values that change without any command.
_VOLATILE = frozenset(
    {"valid_life_time", "preferred_life_time", "expires", "stats64", "stats", "age", "metainfo"}
)
_VOLATILE_SYSCTLS = ("nf_conntrack_count", "stable_secret")
_SYSCTLS = Path("/proc/sys/net")

Section = tuple[str, ...]


@dataclass(frozen=True)
class Snapshot:
    """Lines by section: links, addresses, rules, routes, nft (no counters), sysctls."""

    sections: dict[str, Section]

    def difference(self, later: Snapshot, *, without: tuple[str, ...] = ()) -> list[str]:
        """What came and went, as "+ section: line" and "- section: line"."""
        return [
            f"{mark} {name}: {line}"
            for name, before in self.sections.items()
            if name not in without
            for mark, line in _changes(before, later.sections[name])
        ]

    def naming(self, text: str) -> list[str]:
        """All lines that name `text`."""
        return [
            f"{name}: {line}"
            for name, lines in self.sections.items()
            for line in lines
            if text in line
        ]


def _changes(before: Section, after: Section) -> Iterator[tuple[str, str]]:
    for line in difflib.ndiff(before, after):
        if line[0] in "+-":
            yield line[0], line[2:]


def take() -> Snapshot:
    """The router's state now."""
    return Snapshot(
        {
            "link": _ip("-d", "link"),
            "address": _ip("address"),
            "rule": _ip("-4", "rule"),
            "rule6": _ip("-6", "rule"),
            "route": _ip("-4", "route", "show", "table", "all"),
            "route6": _ip("-6", "route", "show", "table", "all"),
            "nft": nft(),
            "sysctl": tuple(_sysctls()),
        }
    )


def _ip(*arguments: str) -> Section:
    listing = json.loads(command.run(["ip", "-j", *arguments]) or "[]")
    return tuple(sorted(json.dumps(_stable(item), sort_keys=True) for item in listing))


def nft(*table: str, counters: bool = False) -> Section:
    """The ruleset, or one table, with handles."""
    what = ["table", *table] if table else ["ruleset"]
    listing = json.loads(command.run(["nft", "-j", "-a", "list", *what]))["nftables"]
    return tuple(json.dumps(_stable(item, counters=counters), sort_keys=True) for item in listing)


def _stable(value: Any, *, counters: bool = False) -> Any:
    if isinstance(value, dict):
        return {
            name: "…"
            if name == "counter" and isinstance(item, dict) and "packets" in item and not counters
            else _stable(item, counters=counters)
            for name, item in value.items()
            if name not in _VOLATILE and not (name == "elem" and _is_filled_by_packets(value))
        }
    if isinstance(value, list):
        return [_stable(item, counters=counters) for item in value]
    return value


def _is_filled_by_packets(item: dict[str, Any]) -> bool:
    """Whether packets fill the set, as every named one of ours; nft 1.0.6 does not tell."""
    return str(item.get("table", "")).startswith("dualwan_")


def _sysctls() -> Iterator[str]:
    # One grep for a thousand files: reading each in Python takes seconds under emulation.
    for entry in sorted(command.attempt(["grep", "-rs", "", str(_SYSCTLS)]).stdout.splitlines()):
        name, _colon, value = entry.removeprefix(f"{_SYSCTLS}/").partition(":")
        # A `log` rule makes the kernel load a logger, which is never unloaded.
        if not name.endswith(_VOLATILE_SYSCTLS) and not name.startswith("netfilter/nf_log/"):
            yield f"{name} = {value}"


def conntrack(address: str) -> list[str]:
    """The connections that name an address, in either direction."""
    entries = command.attempt(["conntrack", "-L", "-o", "extended"]).stdout.splitlines()
    return [entry for entry in entries if f"={address} " in f"{entry} "]


def ours() -> list[str]:
    """Everything in the kernel that the product could have left behind, by its names."""
    found = [f"nft {entry}" for entry in nft() if "dualwan" in entry]
    for family in ("-4", "-6"):
        for what in (("rule",), ("route", "show", "table", "all")):
            listing = json.loads(command.run(["ip", "-j", family, *what]) or "[]")
            found += [f"{what[0]} {item}" for item in listing if _is_ours(item)]
    for item in json.loads(command.run(["ip", "-j", "address"])):
        addresses = {entry.get("local") for entry in item.get("addr_info", ())}
        if item.get("ifname") == TUNNEL or addresses & {CE, MAPE_ADDRESS}:
            found.append(f"address {item}")
    return found


def _is_ours(item: dict[str, Any]) -> bool:
    return str(item.get("protocol")) in ("217", "dualwan") or str(item.get("table")) == "100"


def of_somebody_else(state: Snapshot) -> list[str]:
    """Return the lab's objects that stand for another program's, expected in every later state."""
    return [entry for mark in ("somebody_else", "10.99.0", '"77"') for entry in state.naming(mark)]
