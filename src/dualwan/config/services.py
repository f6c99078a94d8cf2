"""Services by name, as in the keys `inbound` and `outbound`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dualwan.mape.portset import MAX_PORT
from dualwan.toml_source import unknown


@dataclass(frozen=True, order=True)
class Port:
    """A TCP or UDP port, 1 to 65535, or ICMP echo request (protocol "icmp", port 0)."""

    protocol: str
    number: int


PING = Port("icmp", 0)

KNOWN: dict[str, tuple[Port, ...]] = {
    "ssh": (Port("tcp", 22),),
    "smtp": (Port("tcp", 25),),
    "submission": (Port("tcp", 587),),
    "dns": (Port("tcp", 53), Port("udp", 53)),
    "http": (Port("tcp", 80),),
    "https": (Port("tcp", 443),),
    "http3": (Port("udp", 443),),
    "imaps": (Port("tcp", 993),),
    "ntp": (Port("udp", 123),),
    "ping": (PING,),
}

_NUMBERED = re.compile(r"(tcp|udp)/([0-9]{1,5})")


@dataclass(frozen=True)
class Service:
    """A service: its name in the configuration, and its ports."""

    name: str
    ports: tuple[Port, ...]


def service(text: object) -> Service:
    """Return the service "ssh" or "tcp/8443"; raises ValueError."""
    if not isinstance(text, str):
        raise ValueError(f'a service is a text such as "ssh" or "tcp/8443", not {text!r}')
    if text in KNOWN:
        return Service(text, KNOWN[text])
    if numbered := _NUMBERED.fullmatch(text):
        number = int(numbered[2])
        if not 1 <= number <= MAX_PORT:
            raise ValueError(f"'{text}': a port is 1 to {MAX_PORT}")
        return Service(text, (Port(numbered[1], number),))
    raise ValueError(unknown("service", text, list(KNOWN)) + ' (or "tcp/PORT", "udp/PORT")')


def services(value: object) -> tuple[Service, ...]:
    """Return the services of a TOML list, without duplicates; raises ValueError."""
    if not isinstance(value, list):
        raise ValueError('must be a list such as ["ssh", "tcp/8443"]')
    return tuple(dict.fromkeys(service(item) for item in value))
