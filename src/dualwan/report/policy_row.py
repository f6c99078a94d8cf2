"""A row of the policy, and the words that several rows have. Pure."""

from __future__ import annotations

from typing import NamedTuple

from dualwan.config import Config
from dualwan.config.forwards import SMB
from dualwan.config.services import PORTLESS, Service
from dualwan.model.way import Way
from dualwan.report.opened import name

LAN, ROUTER, BY_IPV6, ANYWHERE = "LAN", "router", "internet by IPv6", "anywhere"
ACCEPTED, DROPPED = "accepted", "dropped"
FILE_SHARING = "Windows file sharing (" + ", ".join(map(str, SMB)) + ")"


class Row(NamedTuple):
    """A row: who sends, to whom, what, and what becomes of it."""

    source: str
    destination: str
    what: str
    result: str


def by(config: Config, way: Way) -> str:
    """Return a way with its device."""
    return f"{name(config, way)} ({way.device})"


def service(one: Service) -> str:
    """Return a service with its ports, unless its name says them."""
    ports = ", ".join(
        f"{port.protocol}/{port.number}" for port in one.ports if port.protocol != "icmp"
    ).replace(PORTLESS + "/", "protocol ")
    says_it = "/" in one.name or not ports
    return one.name if says_it else f"{one.name} ({ports})"
