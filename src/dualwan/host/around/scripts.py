"""Traces of shell scripts such as mape.sh and pppoe.sh: in the kernel, and in interfaces(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dualwan import files
from dualwan.errors import HostError
from dualwan.host import xtables
from dualwan.host.netlink import Netlink
from dualwan.host.nft import Nft
from dualwan.model.surroundings import ScriptLine, Traces

INTERFACES = ("etc/network/interfaces", "etc/network/interfaces.d")
_RUNS = re.compile(
    r"\s*(?:pre-up|up|post-up|down|pre-down|post-down)\s+(.*\b(?:mape|pppoe)\.sh\b.*)"
)


def traces(tunnel: str, root: Path) -> Traces:
    """Return the traces; ``tunnel`` is the device of ours. What cannot be read is left out."""
    netlink = Netlink()
    found = Traces(lines=tuple(_lines(root)))
    with suppress(HostError):
        found = found._replace(
            tunnels=tuple(one for one in netlink.all_tunnels() if one.name != tunnel)
        )
    with suppress(HostError):
        found = found._replace(rules=tuple(netlink.rules_of_others()))
    with suppress(HostError):
        found = found._replace(chains=(*Nft().chains("ip"), *xtables.chains()))
    return found


def _lines(root: Path) -> Iterator[ScriptLine]:
    """Yield the lines of interfaces(5) that run such a script."""
    for place in INTERFACES:
        path = root / place
        with suppress(OSError):
            for file in sorted(path.iterdir()) if path.is_dir() else [path]:
                text = files.read_foreign(file)
                for number, line in enumerate(text.splitlines(), start=1):
                    if ran := _RUNS.fullmatch(line):
                        shown = "/" + str(file.relative_to(root))
                        yield ScriptLine(shown, number, ran[1].strip())
