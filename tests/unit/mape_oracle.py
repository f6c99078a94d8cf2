"""The other side of MAP-E, as a border relay reckons: from IPv4 and a port back to the CE.

RFC 7597 sections 5.1, 5.3 and 8, written for the tests from the text of the RFC. What it
says of a rule must be what `derive` says of the prefix.
"""

from ipaddress import IPv4Address, IPv6Network

from dualwan.mape.portset import PortSet
from dualwan.mape.rule import derive, parse_prefix

# How far IPv4 address and PSID lie from the right edge of the interface identifier.
SHIFT = {"draft": 8, "rfc": 0}


def psid_of_port(port, offset, length):
    """Return the PSID that PORT belongs to, None for one that is nobody's (section 5.1)."""
    bits = f"{port:016b}"
    if offset and int(bits[:offset], 2) == 0:
        return None
    return int(bits[offset : offset + length] or "0", 2)


def from_ipv4(rule, ipv4, ports):
    """Derive the CE that has IPV4 and the port set PORTS: what a BR does (sections 5.3, 8)."""
    suffix = int(IPv4Address(ipv4)) - int(rule.ipv4_prefix.network_address)
    ea = suffix << rule.psid_length | (ports.psid if rule.psid_length else 0)
    length = rule.ipv6_prefix.prefixlen + rule.ea_length
    prefix = int(rule.ipv6_prefix.network_address) | ea << (128 - length)
    return derive(rule, IPv6Network((prefix, length)), None if rule.psid_length else ports)


def from_ce(rule, ce, ports=None):
    """Derive the CE from its own address; None where it is not one (section 8.1)."""
    found = derive(rule, ce, ports)
    return found if found.ce == parse_prefix(ce).ip else None


def read_interface_id(layout, ce):
    """Return IPv4 address and PSID from the interface identifier of the address CE.

    Meaningless where the End-user IPv6 prefix is longer than 64 bits and has overwritten it.
    """
    fields = (int(ce) & (1 << 64) - 1) >> SHIFT[layout]
    return IPv4Address(fields >> 16 & 0xFFFFFFFF), fields & 0xFFFF


def owner(port, offset, length):
    """Return the port set that PORT belongs to."""
    return PortSet(psid_of_port(port, offset, length), offset, length)
