"""Rules of iptables-legacy, which filter and translate beside nftables. Read only."""

from __future__ import annotations

from pathlib import Path

# Tables of xtables proper in this network namespace; those of iptables-nft are not among them.
NAMES = (
    ("iptables-legacy", Path("/proc/net/ip_tables_names")),
    ("ip6tables-legacy", Path("/proc/net/ip6_tables_names")),
)


def tables() -> tuple[str, ...]:
    """Return each as "iptables-legacy filter"; none where they cannot be read or do not exist."""
    found = []
    for program, path in NAMES:
        try:
            names = path.read_text(encoding="ascii").split()
        except OSError:
            continue
        found += [f"{program} {name}" for name in sorted(names)]
    return tuple(found)
