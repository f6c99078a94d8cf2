"""Usage of the port set, for `status`."""

from __future__ import annotations

from dualwan import cells
from dualwan.catalogue import shown
from dualwan.model.usage import PROTOCOLS, Usage
from dualwan.model.way import Softwire
from dualwan.report.data import PortsData
from dualwan.report.terminal import INDENT, Line, Terminal, Tone, bar
from dualwan.words import listed, say

_MOST = 0.9  # of the ports: above this, flows may soon find none


def as_data(softwire: Softwire | None, used: Usage) -> PortsData | None:
    """Return the usage for --json; None without a port set."""
    if softwire is None or softwire.port_set is None:
        return None
    return {
        "size": len(softwire.port_set),
        "used": {protocol: used.ports(protocol) for protocol in PROTOCOLS},
        "flows": {
            protocol: sum(one.protocol == protocol for one in used.flows) for protocol in PROTOCOLS
        },
        "destinations": [
            {"protocol": protocol, "address": address, "port": port, "used": count}
            for (protocol, address, port), count in used.destinations()
        ],
        "hosts": [{"address": address, "flows": count} for address, count in used.hosts()],
        "refused": dict(used.losses.refused),
        "no-port": used.losses.no_port,
        "untranslated": used.losses.untranslated,
    }


def lines(data: PortsData | None, terminal: Terminal) -> list[Line]:
    """Return the usage as lines; on a terminal with a bar for each protocol."""
    titled = [Line(title, words) for title, words in rows(data)]
    if data is None or terminal.width is None:
        return titled
    size, indent = data["size"], INDENT + 2 * terminal.symbols
    bars: list[Line] = []
    for protocol, used in data["used"].items():
        words = say(
            " {used} of {size} ({percent} %)", used=used, size=size, percent=100 * used // size
        )
        head = f"{protocol:5}"
        beside = indent + len(head) + cells.width(shown(words))
        filled = bar(used, size, terminal, beside)
        tone = Tone.NONE if used < _MOST * size else Tone.DOUBT if used < size else Tone.BAD
        bars.append(Line("" if bars else say("ports"), f"{head}{filled}" + words, tone))
    return [*bars, *titled[1:]]


def rows(data: PortsData | None) -> list[tuple[str, str]]:
    """Return the usage as rows of a title and a text."""
    if data is None:
        return []
    size, found = data["size"], []
    found.append(
        (
            say("ports"),
            ", ".join(f"{name} {count}" for name, count in data["used"].items())
            + say(" of {size} in use", size=size),
        )
    )
    if busiest := [
        f"{one['address']}"
        + (f":{one['port']}" if one["port"] else "")
        + say(" {protocol} {used} of {size}", protocol=one["protocol"], used=one["used"], size=size)
        for one in data["destinations"]
    ]:
        found.append((say("busiest"), listed(", ", busiest)))
    if hosts := [
        say("{address} {flows} flows", address=one["address"], flows=one["flows"])
        for one in data["hosts"]
    ]:
        found.append((say("hosts"), listed(", ", hosts)))
    if refused := [
        say("{address} {count} flows", address=address, count=count)
        for address, count in data["refused"].items()
    ]:
        found.append((say("refused"), listed(", ", refused) + say(" beyond max-share")))
    if data["no-port"]:
        found.append(
            (say("lost"), say("{no_port} flows found every port taken", no_port=data["no-port"]))
        )
    if data["untranslated"]:
        found.append(
            (
                say("stopped"),
                say(
                    "{untranslated} packets without a port of the set",
                    untranslated=data["untranslated"],
                ),
            )
        )
    return found
