"""The machine around the router, as far as findings need it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from dualwan.model.resources import RouteRule, Tunnel


class ScriptLine(NamedTuple):
    """A line of interfaces(5) that runs a shell script: file, line number, command."""

    path: str
    number: int
    command: str


class Traces(NamedTuple):
    """What shell scripts such as mape.sh and pppoe.sh leave, ours not counted.

    tunnels: ip6tnl devices. chains: "TABLE CHAIN" of iptables, where TABLE is as in "ip nat" or
    "iptables-legacy nat". rules: IPv4 rules of other protocols than ours. lines: in interfaces(5).
    """

    tunnels: tuple[Tunnel, ...] = ()
    chains: tuple[str, ...] = ()
    rules: tuple[RouteRule, ...] = ()
    lines: tuple[ScriptLine, ...] = ()


@dataclass(frozen=True)
class Surroundings:
    """What other programs and people have put beside this program.

    shadowing: executable files that pppd runs instead of a folder of hooks.
    traces: of shell scripts.
    """

    shadowing: tuple[str, ...] = ()
    traces: Traces = field(default_factory=Traces)
