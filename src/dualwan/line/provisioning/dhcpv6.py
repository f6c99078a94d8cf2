"""MAP-E by DHCPv6: OPTION_S46_CONT_MAPE (94) of RFC 7598, from the leases of clients. Pure.

The cached text is the content of the reply's options 94, in hexadecimal, one a line.

Sources of these options:
- dhclient: its lease file, as `option dhcp6.unknown-94 0:59:…;`, and the environment of its
  exit hooks, as new_dhcp6_unknown_94. If dhclient.conf names option 94, that name is used
  ("s46-cont-mape" is understood). dhclient.conf has to request it (`also request`).
- dhcpcd: its lease file, which is the reply itself, byte by byte. Its own decoding
  (new_dhcp6_s46_…) omits the length of the IPv6 prefix and so is not used.
- WIDE's dhcp6c, in versions with raw options: raw_dhcp_option_94 in its script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

from dualwan.config.mape import DHCPV6
from dualwan.errors import MapeError, RemoteError
from dualwan.line.provisioning.answer import MAX_RULES, MIN_TTL, Answer, ProvidedRule, checked_rule
from dualwan.mape.portset import PORT_BITS, PortSet
from dualwan.mape.rule import DEFAULT_PSID_OFFSET, MapRule

RULE = 89
BORDER_RELAY = 90
PORT_PARAMETERS = 93
CONTAINER = 94
DNS_SERVERS = 23  # RFC 3646
REPLY = 7  # RFC 8415 section 7.3

MAX_TEXT = 1 << 20  # bytes of a lease file
MAX_OPTION = 65535  # bytes (RFC 8415 section 21.1)

_HEADER = 4  # bytes: of an option, code and length; of a message, type and transaction
_ADDRESS = 16
_FIXED = 8  # bytes of option 89 before its IPv6 prefix
VARIABLES = ("new_dhcp6_unknown_94", "new_dhcp6_s46_cont_mape", "raw_dhcp_option_94")
_OPTION = re.compile(r"\s*option\s+dhcp6\.(unknown-94|s46-cont-mape|name-servers)\s([^;]*);")
_INTERFACE = re.compile(r'\s*interface\s+"([^"]*)";')


class Lease(NamedTuple):
    """The used part of a reply: options 94 in hexadecimal, and the line's DNS servers."""

    containers: tuple[str, ...] = ()
    name_servers: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The options 94 as the cache stores them."""
        return "\n".join(self.containers)


def parse(text: str, origin: str = "") -> Answer:
    """Read the options 94 in ``text``, hexadecimal, one a line; raises RemoteError.

    The ttl is MIN_TTL, because reading a lease again costs nothing.
    """
    lines = text.split()
    if not lines or len(lines) > MAX_RULES:
        raise RemoteError(f"{len(lines) or 'no'} options {CONTAINER}")
    rules = [rule for line in lines for rule in container(_bytes(line), origin)]
    if not 0 < len(rules) <= MAX_RULES:
        raise RemoteError(f"option {CONTAINER} has {len(rules) or 'no'} rules")
    return Answer(rules=tuple(rules), name="DHCPv6", ttl=MIN_TTL)


def container(data: bytes, origin: str = "") -> list[ProvidedRule]:
    """Return the rules in the content of an option 94 (RFC 7598 section 5.1).

    The RFC allows several border relays; the first is used. Raises RemoteError.
    """
    options = list(_options(data))
    relays = [_relay(content) for code, content in options if code == BORDER_RELAY]
    return [
        _rule(content, relays[0] if relays else None, origin)
        for code, content in options
        if code == RULE
    ]


def from_message(data: bytes) -> Lease:
    """Read a DHCPv6 reply (RFC 8415 section 8), the format of dhcpcd's lease files.

    Raises RemoteError for anything else.
    """
    if len(data) < _HEADER or len(data) > MAX_OPTION or data[0] != REPLY:
        raise RemoteError("not a DHCPv6 reply")
    containers, servers = [], []
    for code, content in _options(data[_HEADER:]):
        if code == CONTAINER:
            containers.append(content.hex())
        elif code == DNS_SERVERS and len(content) % _ADDRESS == 0:
            servers += [
                str(IPv6Address(content[at : at + _ADDRESS]))
                for at in range(0, len(content), _ADDRESS)
            ]
    return Lease(tuple(containers), tuple(servers))


def from_lease_file(text: str, device: str) -> Lease | None:
    """Read the last lease of ``device`` in dhclient.leases(5), one statement a line; None for none.

    Never fails: unknown statements are skipped. A last lease without our options means that the
    line no longer has them. Without a lease the file says nothing: dhclient makes it before it has
    one, and several devices may share it.
    """
    found: Lease | None = None
    current, ours = Lease(), False
    for line in text[-MAX_TEXT:].splitlines():
        if line.startswith("lease6"):
            current, ours = Lease(), False
        elif named := _INTERFACE.match(line):
            ours = named[1] == device
        elif option := _OPTION.match(line):
            name, value = option.groups()
            if name == "name-servers":
                current = current._replace(name_servers=_servers(value))
            elif digits := _digits(value):
                current = current._replace(containers=(*current.containers, digits))
        elif line.startswith("}") and ours:
            found = current
    return found


def from_environment(environ: Mapping[str, str]) -> str:
    """Return option 94 from the environment of a client's hook, in hexadecimal, or ""."""
    for name in VARIABLES:
        if found := _digits(environ.get(name, "")[:MAX_TEXT]):
            return found
    return ""


def _rule(data: bytes, relay: IPv6Address | None, origin: str) -> ProvidedRule:
    """Read option 89 (section 4.1): flags, EA length, IPv4 prefix, IPv6 prefix, options.

    The receiver ignores bits past a prefix's length. The F flag has no meaning here: it is
    for CEs that talk to each other directly.
    """
    if len(data) < _FIXED:
        raise RemoteError(f"option {RULE} is cut off")
    ea_length, length4, length6 = data[1], data[2], data[7]
    octets = (length6 + 7) // 8
    if octets > _ADDRESS or len(data) < _FIXED + octets:
        raise RemoteError(f"option {RULE} is cut off, or its IPv6 prefix of {length6} bits")
    bits = int.from_bytes(data[_FIXED : _FIXED + octets].ljust(_ADDRESS, b"\0"), "big")
    offset, ports = DEFAULT_PSID_OFFSET, None
    for code, content in _options(data[_FIXED + octets :]):
        if code == PORT_PARAMETERS:
            offset, ports = _ports(content)
    try:
        rule = MapRule(
            IPv6Network((bits, length6), strict=False),
            IPv4Network((int.from_bytes(data[3:7], "big"), length4), strict=False),
            ea_length,
            offset,
            relay,
            "rfc",
            DHCPV6,
            origin,
        )
    except (MapeError, ValueError) as error:
        raise RemoteError(str(error)[:200]) from None
    return ProvidedRule(checked_rule(rule), ports)


def _ports(data: bytes) -> tuple[int, PortSet | None]:
    """Read option 93 (section 4.5): the PSID offset, and the port set if it has a PSID.

    The PSID is left-aligned in its 16 bits on the wire, and right-aligned in a PortSet.
    """
    if len(data) != _HEADER:
        raise RemoteError(f"option {PORT_PARAMETERS} has {len(data)} bytes, not {_HEADER}")
    offset, length, wire = data[0], data[1], int.from_bytes(data[2:], "big")
    if not length:
        return offset, None
    if length > PORT_BITS or wire & ((1 << (PORT_BITS - length)) - 1):
        raise RemoteError(
            f"the PSID 0x{wire:04x} of option {PORT_PARAMETERS} is longer"
            f" than the {length} bits it says"
        )
    try:
        return offset, PortSet(wire >> (PORT_BITS - length), offset, length)
    except MapeError as error:
        raise RemoteError(str(error)) from None


def _relay(data: bytes) -> IPv6Address:
    if len(data) != _ADDRESS:
        raise RemoteError(f"option {BORDER_RELAY} has {len(data)} bytes, not {_ADDRESS}")
    return IPv6Address(data)


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield code and content of each option (RFC 8415 section 21.1); raises RemoteError."""
    at = 0
    while at < len(data):
        end = at + _HEADER + int.from_bytes(data[at + 2 : at + _HEADER], "big")
        if len(data) < max(end, at + _HEADER):
            raise RemoteError("a DHCPv6 option is cut off")
        yield int.from_bytes(data[at : at + 2], "big"), data[at + _HEADER : end]
        at = end


def _digits(value: str) -> str:
    """Return the hexadecimal of dhclient (0:59:0:1a) or others (0059001a) as digits, or ""."""
    value = value.strip()
    if re.fullmatch(r"[0-9A-Fa-f]{1,2}(:[0-9A-Fa-f]{1,2})+", value):
        return "".join(byte.zfill(2) for byte in value.split(":")).lower()
    return value.lower() if re.fullmatch(r"([0-9A-Fa-f]{2})+", value) else ""


def _bytes(line: str) -> bytes:
    if len(line) > 2 * MAX_OPTION or not _digits(line):
        raise RemoteError("what was kept is not hexadecimal")
    return bytes.fromhex(_digits(line))


def _servers(value: str) -> tuple[str, ...]:
    found = []
    for word in value.replace(",", " ").split():
        try:
            found.append(str(IPv6Address(word)))
        except ValueError:
            continue
    return tuple(found)
