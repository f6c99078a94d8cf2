"""First packets of many flows, made by hand."""

import random
import socket
import struct

from packets import checksum
from sniffer import SYN

HOSTS = [f"192.168.1.{number}" for number in range(10, 20)]
TARGET = "203.0.113.200"  # nobody answers there, nor at elsewhere()
NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1}


def elsewhere(number):
    """Return the internet's address NUMBER, of those that are for benchmarks (RFC 2544)."""
    return f"198.18.{number >> 8 & 255}.{number & 255}"


def ipv4(number, source, target, payload):
    """Return an IPv4 packet of protocol NUMBER."""
    head = struct.pack(
        "!BBHHHBBH4s4s",
        0x45,
        0,
        20 + len(payload),
        0,
        0x4000,
        64,
        number,
        0,
        socket.inet_aton(source),
        socket.inet_aton(target),
    )
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def _with_sum(number, source, target, payload, at):
    pseudo = (
        socket.inet_aton(source)
        + socket.inet_aton(target)
        + struct.pack("!BBH", 0, number, len(payload))
    )
    total = checksum(pseudo + payload) or 0xFFFF
    return payload[:at] + struct.pack("!H", total) + payload[at + 2 :]


def udp(source, sport, target, dport, payload=b"x" * 18):
    """Return a UDP datagram."""
    body = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    return ipv4(17, source, target, _with_sum(17, source, target, body, 6))


def tcp(source, sport, target, dport, sequence=1):
    """Return a TCP segment that opens a connection."""
    body = struct.pack("!HHIIBBHHH", sport, dport, sequence, 0, 0x50, SYN, 65000, 0, 0)
    return ipv4(6, source, target, _with_sum(6, source, target, body, 16))


def echo(source, identifier, target):
    """Return an ICMP echo request."""
    body = struct.pack("!BBHHH", 8, 0, 0, identifier, 1) + b"y" * 16
    return ipv4(1, source, target, body[:2] + struct.pack("!H", checksum(body)) + body[4:])


def flow(kind, source, port, target=TARGET, dport=443):
    """Return the first packet of a flow of KIND."""
    if kind == "icmp":
        return echo(source, port, target)
    return {"tcp": tcp, "udp": udp}[kind](source, port, target, dport)


def strangers():
    """Yield UDP packets of one host, each to a destination of its own."""
    at = 0
    while True:
        at += 1
        yield udp(HOSTS[0], 1024 + at % 60000, f"100.64.{at >> 8 & 255}.{at & 255}", 53000)


def mixed(packets, others):
    """Yield PACKETS with none to three of OTHERS after each."""
    dice = random.Random(1)  # noqa: S311 - the same each time
    for packet in packets:
        yield packet
        for _ in range(dice.randint(0, 3)):
            yield next(others)
