"""Counts everything on a router that must not grow."""

from __future__ import annotations

import json
from pathlib import Path

from guest import command, mischief, product, snapshot

RUN, STATE = Path("/run/dualwan"), Path("/var/lib/dualwan")


def look() -> dict[str, dict[str, int]]:
    """Return counts that must not grow at all, and those that may grow a little, by name."""
    return {
        "counts": count(),
        "sizes": {
            "elements": elements(),
            "resident KB of the watcher": mischief.watcher_status("VmRSS"),
        },
    }


def count() -> dict[str, int]:
    """Return how much there is of everything that must not grow."""
    process = Path(f"/proc/{mischief.watcher_process()}")
    ruleset = snapshot.nft()
    return {
        "links": len(_listed("ip", "-o", "link")),
        "addresses": len(_listed("ip", "-o", "address")),
        "rules": len(_listed("ip", "rule")) + len(_listed("ip", "-6", "rule")),
        "routes": len(_listed("ip", "route", "show", "table", "all")),
        "IPv6 routes": len(_listed("ip", "-6", "route", "show", "table", "all")),
        "nft tables": sum('"table": {' in entry for entry in ruleset),
        "nft chains, rules, sets": len(ruleset),
        "files in /run/dualwan": len(list(RUN.rglob("*"))),
        "bytes of state.json": (RUN / "state.json").stat().st_size,
        "files in /var/lib/dualwan": len(list(STATE.rglob("*"))),
        "processes of ours": len(command.attempt(["pgrep", "-f", product.COMMAND]).stdout.split()),
        "pppd": len(command.attempt(["pgrep", "-x", "pppd"]).stdout.split()),
        "open files of the watcher": len(list((process / "fd").iterdir())),
    }


def elements() -> int:
    """Return the number of elements in the sets and maps of ours, also those that packets fill."""
    listing = json.loads(command.run(["nft", "-j", "list", "ruleset"]))["nftables"]
    kinds = (item.get("set") or item.get("map") or {} for item in listing)
    return sum(
        len(item.get("elem", ())) for item in kinds if str(item.get("table")).startswith("dualwan_")
    )


def _listed(*argv: str) -> list[str]:
    return command.run(argv).splitlines()
