"""Traces of shell scripts such as mape.sh and pppoe.sh: in the kernel, and in interfaces(5)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from dualwan.errors import HostError
from dualwan.host import xtables
from dualwan.host.around import interfaces
from dualwan.host.netlink import Netlink
from dualwan.host.nft import Nft
from dualwan.model.surroundings import ScriptLine, Traces

_RUNS = re.compile(r"(?:pre-up|up|post-up|down|pre-down|post-down)\s(.*\b(?:mape|pppoe)\.sh\b.*)")


def traces(tunnels: Collection[str], table: int, root: Path) -> Traces:
    """Return the traces; ``tunnels`` and ``table`` (of PPPoE) are ours.

    What cannot be read is left out.
    """
    netlink = Netlink()
    found = Traces(lines=tuple(_lines(root)))
    with suppress(HostError):
        found = found._replace(
            tunnels=tuple(one for one in netlink.all_tunnels() if one.name not in tunnels)
        )
    with suppress(HostError):
        found = found._replace(rules=tuple(netlink.rules_of_others(table)))
    with suppress(HostError):
        found = found._replace(chains=(*Nft().chains("ip"), *xtables.chains()))
    return found


def _lines(root: Path) -> Iterator[ScriptLine]:
    """Yield the lines of interfaces(5) that run such a script."""
    for line in interfaces.lines(root):
        if ran := _RUNS.fullmatch(line.text):
            yield ScriptLine(line.path, line.number, ran[1].strip())
