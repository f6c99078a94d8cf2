"""The policy matrix: its rows, and each of them as packets in the field of field.py.

A row says what becomes of one packet (tests/policy/matrix.txt explains the columns). All rows
of a setup are tested on one router, each with addresses, ports and a tag of its own, so that
whatever is seen anywhere can be told from the others: first the flows that the rows need,
then the packets that they are about.
"""

import socket
import tomllib
from dataclasses import dataclass
from pathlib import Path

from line import CONFIG
from trial import Trial

FOLDER = Path(__file__).resolve().parents[1] / "policy"


@dataclass(frozen=True)
class Row:
    """One row of the matrix."""

    name: str
    setup: str
    source: str
    target: str
    family: str
    protocol: str
    port: str
    state: str
    result: str
    seen_as: str

    @property
    def text(self):
        """What the row is about, in words."""
        return (
            f"{self.source} -> {self.target}, {self.family} {self.protocol} {self.port}, "
            f"{self.state}"
        )


def rows():
    """Return the matrix."""
    lines = (
        line.split("#")[0].split() for line in (FOLDER / "matrix.txt").read_text().splitlines()
    )
    return [Row(*words) for words in lines if words]


def configuration(setup):
    """Return the configuration of SETUP: lines of setups.toml, each in its section."""
    text = CONFIG
    for section, lines in tomllib.loads((FOLDER / "setups.toml").read_text())[setup].items():
        head = f"[{section}]\n"
        if section == "more":
            text += lines
        elif head in text:
            text = text.replace(head, head + lines + "\n")
        else:
            text += f"{head}{lines}\n"
    return text


def judge(field, rows):
    """Put ROWS to the test at once; return result and translation of each, by name."""
    trials = [Trial(at, row) for at, row in enumerate(rows)]
    for port in sorted(
        {row.port for row in rows if row.protocol == "tcp" and "router" in (row.source, row.target)}
    ):
        field.router.listen(int(port), "::", socket.AF_INET6)
    for trial in trials:
        for zone, packet in trial.openers():
            field.inject(zone, packet)
    first = field.seen()
    for trial in trials:
        trial.follow(by_tag(first))
        for zone, packet, data in trial.packets():
            field.inject(zone, packet, data)
    found = {key: first[key] + packets for key, packets in field.seen().items()}
    witnessed, ports = field.witnessed(), field.ports()
    return {trial.row.name: trial.verdict(found, witnessed, ports) for trial in trials}


def by_tag(found):
    """Return the packets of FOUND by device and tag."""
    return {(key, packet.tag): packet for key, packets in found.items() for packet in packets}
