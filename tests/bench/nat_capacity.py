"""How many flows of two hosts to one destination get a port, and which is the first not to."""

from burst import unlucky
from flows import HOSTS, TARGET, elsewhere, mixed, strangers, tcp, udp
from space import until

PORTS = 1008


def numbered(kind, number):
    """Return the first packet of the flow NUMBER to the one destination."""
    host, port = HOSTS[number * 2 // PORTS], 20000 + number
    if kind == "tcp":
        return tcp(host, port, TARGET, 443, sequence=number)
    return udp(host, port, TARGET, 443, number.to_bytes(18, "big"))


def kept(line, kind):
    """Return how many of 1008 flows of two hosts arrive, and the first that does not."""
    packets = [numbered(kind, number) for number in range(PORTS)]
    seen = [
        packet
        for packet in line.passed(mixed(packets, strangers()))
        if (packet.kind, packet.target) == (kind, TARGET)
    ]
    if stray := unlucky(seen, line.ports()):
        raise SystemExit(f"a packet left with {stray[0].source} port {stray[0].sport}")
    numbers = {
        int.from_bytes(packet.data[24:28] if kind == "tcp" else packet.data[28:46])
        for packet in seen
    }
    distinct = len({packet.sport for packet in seen})
    lost = sorted(set(range(PORTS)) - numbers)
    line.forget()
    if line.tables() and not until(lambda: line.flows()[kind] == 0):
        raise SystemExit("elements outlive their flows")
    return distinct, lost[0] + 1 if lost else None


def kept_with_mappings(line):
    """Return how many of 1008 flows arrive of which the first 200 have a port already."""
    endpoints = 200
    before = [
        udp(HOSTS[number * 2 // PORTS], 20000 + number, elsewhere(number), 53000)
        for number in range(0, PORTS, PORTS // endpoints)
    ][:endpoints]
    if len(line.passed(before)) != endpoints:
        raise SystemExit("mapped endpoints were lost")
    return kept(line, "udp")
