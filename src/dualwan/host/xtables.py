"""Tables of iptables-legacy, which filter and translate beside nftables. Only reads."""

from __future__ import annotations

import re
from pathlib import Path

# Lists the tables of legacy xtables in this network namespace, but not those of iptables-nft.
NAMES = (
    ("iptables-legacy", Path("/proc/net/ip_tables_names")),
    ("ip6tables-legacy", Path("/proc/net/ip6_tables_names")),
)


def tables() -> tuple[str, ...]:
    """Return each as "iptables-legacy filter"; empty without any, or without the permission."""
    found = []
    for tool, path in NAMES:
        try:
            names = path.read_text(encoding="ascii").split()
        except OSError:
            continue
        found += [f"{tool} {name}" for name in sorted(names)]
    return tuple(found)


def chains() -> tuple[str, ...]:
    """Return the chains of iptables-legacy, each as "iptables-legacy TABLE CHAIN".

    Empty without any table, or without the permission. Raises HostError.
    """
    from dualwan.host import program  # noqa: PLC0415 - no event needs it

    found = []
    for name in (text.split()[1] for text in tables() if text.startswith("iptables-legacy ")):
        _, output, _ = program.output(["iptables-legacy-save", "-t", name])
        found += [
            f"iptables-legacy {name} {chain}"
            for chain in re.findall(r"^:(\S+)", output, re.MULTILINE)
        ]
    return tuple(found)
