"""A scan of many ports by nmap, from any namespace: which answer, and which refuse."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from guest.namespace import Namespace

LIMIT = 340
# A silent port never answers, so each try costs its full time; two retries cover a loss.
_OPTIONS = (
    *("-n", "-Pn", "--send-ip", "--disable-arp-ping", "--max-retries", "2"),
    *("--min-rate", "500", "--max-rtt-timeout", "1500ms", "--host-timeout", f"{LIMIT - 40}s"),
)
_AT_ONCE = 3
_KINDS = {"tcp": "-sS", "udp": "-sU"}


@dataclass(frozen=True)
class Found:
    """Ports that answered, and ports that refused; the others were silent."""

    open: frozenset[int]
    closed: frozenset[int]


def scan(
    space: Namespace, targets: Iterable[str], ports: dict[str, str]
) -> dict[tuple[str, str], Found]:
    """Scan ``targets`` from ``space``, a few at once.

    ``ports``: of each protocol, as nmap takes them. Return what was found by target and protocol.
    """
    asked = [(target, protocol) for target in targets for protocol in ports]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda one: _scan(space, one[0], one[1], ports[one[1]]), asked)
        return dict(zip(asked, found, strict=True))


def _scan(space: Namespace, target: str, protocol: str, ports: str) -> Found:
    family = ("-6",) if ":" in target else ()
    words = ("nmap", *family, _KINDS[protocol], "-p", ports, *_OPTIONS, "-oX", "-", target)
    host = ET.fromstring(space.run(*words, limit=LIMIT)).find("host")  # noqa: S314 - nmap's own
    assert host is not None
    # Where closed ports are many, nmap lists them only as ranges, below extraports.
    states: dict[str, set[int]] = {"open": set(), "closed": set()}
    for extra in host.iter("extraports"):
        for reason in extra.iter("extrareasons"):
            if extra.get("state") == "closed":
                states["closed"] |= _numbers(reason.get("ports", ""))
    for port in host.iter("port"):
        state = port.find("state")
        name = state.get("state", "") if state is not None else ""
        if name in states:
            states[name].add(int(port.get("portid", "0")))
    return Found(frozenset(states["open"]), frozenset(states["closed"]))


def _numbers(text: str) -> set[int]:
    """Return the ports of a list such as 1-21,23."""
    spans = (part.partition("-") for part in text.split(",") if part)
    return {port for low, _, high in spans for port in range(int(low), int(high or low) + 1)}
