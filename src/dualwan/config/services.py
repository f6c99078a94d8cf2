"""Services by name, as in the keys `inbound` and `outbound`."""

from __future__ import annotations

import re
from collections.abc import Collection

from dualwan.frozen import dataclass
from dualwan.mape.portset import MAX_PORT
from dualwan.toml_source import unknown
from dualwan.words import say


@dataclass(frozen=True, order=True)
class Port:
    """A TCP or UDP port, 1 to 65535, or a protocol without ports.

    The protocol is "icmp" (number 0) for ICMP echo requests, or "proto" with an IANA protocol
    number.
    """

    protocol: str
    number: int


PING = Port("icmp", 0)
PORTLESS = "proto"

KNOWN: dict[str, tuple[Port, ...]] = {
    "ssh": (Port("tcp", 22),),
    "smtp": (Port("tcp", 25),),
    "submission": (Port("tcp", 587),),
    "dns": (Port("tcp", 53), Port("udp", 53)),
    "dhcp": (Port("udp", 67), Port("udp", 547)),
    "http": (Port("tcp", 80),),
    "https": (Port("tcp", 443),),
    "http3": (Port("udp", 443),),
    "imaps": (Port("tcp", 993),),
    "ntp": (Port("udp", 123),),
    "ping": (PING,),
    "esp": (Port(PORTLESS, 50),),
    "gre": (Port(PORTLESS, 47),),
    "6in4": (Port(PORTLESS, 41),),
}

_NUMBERED = re.compile(rf"(tcp|udp|{PORTLESS})/([0-9]{{1,5}})")
_LAST_PROTOCOL = 255
_WITH_WORDS = {1: "ping", 6: "tcp/PORT", 17: "udp/PORT", 58: "ping"}


@dataclass(frozen=True)
class Service:
    """A service: its name in the configuration, and its ports."""

    name: str
    ports: tuple[Port, ...]

    @property
    def portless(self) -> bool:
        """Whether it has no ports by which the guard could count connections."""
        return any(port.protocol == PORTLESS for port in self.ports)


def service(text: object) -> Service:
    """Return the service "ssh" or "tcp/8443"; raises ValueError."""
    if not isinstance(text, str):
        raise ValueError(
            say('a service is a text such as "ssh" or "tcp/8443", not {text!r}', text=text)
        )
    if text in KNOWN:
        return Service(text, KNOWN[text])
    if numbered := _NUMBERED.fullmatch(text):
        number = int(numbered[2])
        if numbered[1] == PORTLESS:
            return Service(text, (Port(PORTLESS, _protocol(text, number)),))
        if not 1 <= number <= MAX_PORT:
            raise ValueError(
                say("'{text}': a port is 1 to {max_port}", text=text, max_port=MAX_PORT)
            )
        return Service(text, (Port(numbered[1], number),))
    raise ValueError(
        unknown(say("service"), text, list(KNOWN)) + say(' (or "tcp/PORT", "udp/PORT")')
    )


def _protocol(text: str, number: int) -> int:
    if number in _WITH_WORDS:
        raise ValueError(
            say(
                "'{text}': that service is written \"{with_words}\"",
                text=text,
                with_words=_WITH_WORDS[number],
            )
        )
    if not 0 < number <= _LAST_PROTOCOL:
        raise ValueError(
            say(
                "'{text}': the number of a service's protocol is 1 to {last_protocol}",
                text=text,
                last_protocol=_LAST_PROTOCOL,
            )
        )
    return number


def services(value: object) -> tuple[Service, ...]:
    """Return the services of a TOML list, without duplicates; raises ValueError."""
    if not isinstance(value, list):
        raise ValueError(
            say('must be a list such as ["ssh", "tcp/8443"], not {value!r}', value=value)
        )
    return tuple(dict.fromkeys(service(item) for item in value))


def check_keys(value: Collection[str], known: Collection[str]) -> None:
    """Raise ValueError if a service in braces has another key than ``known``, or no name."""
    for key in value:
        if key not in known:
            raise ValueError(
                say(
                    "unknown key '{key}' of a service; known: {keys}",
                    key=key,
                    keys=", ".join(known),
                )
            )
    if "service" not in value:
        raise ValueError(say('a service in braces needs its name: { service = "ssh" }'))
