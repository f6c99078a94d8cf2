"""What several tests let happen on a line: PPPoE comes back, IPv6 leads outside, two ends talk."""

import socket
import time
from contextlib import suppress

from line import CLIENT, CONFIG, PPPOE

from dualwan.config import load
from dualwan.line import derive_line
from dualwan.slices import firewall

NEIGHBOUR = "192.168.1.20"  # another address of the LAN's one machine
OUTSIDE6 = "2001:db8:2::1"
SECOND, SECOND_ROUTER = "192.168.2.5", "192.168.2.1"  # of another LAN network
HOST6 = "2001:db8:1::10"
FIVE_OF_TWENTY = [True] * 5 + [False] * 15  # attempts that the guard lets pass
TWO_LANS = CONFIG.replace('["lan0"]', '["lan0", "lan1"]')


def forward(via="", port=8080, to=f"{CLIENT}:80", protocol="tcp", more=""):
    """Return a [[forward]] as text."""
    given = f'via = "{via}"\n' if via else ""
    return f'[[forward]]\n{given}protocol = "{protocol}"\nport = {port}\nto = "{to}"\n{more}\n'


def reconnect(line, address, router=True):
    """Let PPPoE come back with ``address``, as the kernel shows it."""
    line.router.ip(f"""
        link set ppp0 down
        address flush dev ppp0
        link set ppp0 up
        address add {address}/32 dev ppp0
    """)
    return line.event("ppp-up", PPP_IFACE="ppp0") if router else ""


def with_ipv6(line, near, far):
    """Let IPv6 lead outside by the router's device ``near``, the internet's ``far``."""
    line.router.ip(f"""
        address add 2001:db8:2::2/64 dev {near} nodad
        route add default via {OUTSIDE6} dev {near}
    """)
    line.internet.ip(f"""
        address add {OUTSIDE6}/64 dev {far} nodad
        route add 2001:db8:1::/64 via 2001:db8:2::2
    """)
    if near == "ppp0":  # a real one has two ends and asks nobody who is where
        for space, device, address, other in (
            (line.router, near, OUTSIDE6, line.internet.mac(far)),
            (line.internet, far, "2001:db8:2::2", line.router.mac(near)),
        ):
            space.run("ip", "neigh", "replace", address, "lladdr", other, "dev", device)


def exchange(server, client):
    """Let ``server`` accept and answer ``client``; return whom the server saw, and its socket."""
    accepted, peer = server.accept()
    client.sendall(b"question")
    assert accepted.recv(8) == b"question"
    accepted.sendall(b"answer")
    assert client.recv(6) == b"answer"
    return peer[0], accepted


def from_lan(line, address, port, source=CLIENT):
    """Return a connection of a LAN host that goes through the router."""
    client = line.lan.open_socket(socket.AF_INET, socket.SOCK_STREAM, timeout=2)
    client.bind((source, 0))
    client.connect((address, port))
    return client


def mark_what_comes_by_pppoe(line):
    """Let another program mark what comes by ppp0, and look the mark's packets up in a table."""
    for family in ("-4", "-6"):
        line.router.run("ip", family, "rule", "add", "fwmark", "0x1", "lookup", "200")
        line.router.run("ip", family, "route", "add", "default", "dev", "ppp0", "table", "200")
    line.router.nft("""
        table inet theirs {
            chain prerouting {
                type filter hook prerouting priority -400; policy accept;
                iifname "ppp0" meta mark set 0x1
            }
        }
    """)


def passes(line, far, source, target):
    """Return whether a packet gets past the rules about sources of the firewall.

    ``far``: the internet's end of the device by which it comes. It is counted right after them.
    """
    family, length = (socket.AF_INET6, 128) if ":" in target else (socket.AF_INET, 32)
    line.internet.ip(f"""
        route replace {target}/{length} dev {far}
        neighbour replace {target} lladdr {line.router.mac(f"{far}0")} dev {far}
    """)
    line.router.nft(f"""
        table inet witness
        delete table inet witness
        table inet witness {{
            chain prerouting {{
                type filter hook prerouting priority -290; policy accept;
                {"ip6" if ":" in target else "ip"} saddr {source} udp dport 5000 counter
            }}
        }}
    """)
    with line.internet.open_socket(family, socket.SOCK_DGRAM) as mouth:
        mouth.bind((source, 0))
        mouth.sendto(b"hello", (target, 5000))
    counted = line.router.run("nft", "list", "table", "inet", "witness")
    return "packets 1 " in counted


def put(space, device, router, packet):
    """Send ``packet``, whatever it says of its source, from ``device`` to the router.

    ``router``: the link layer address of the router's end. ``packet``: a Packet, or bytes.
    """
    data = packet if isinstance(packet, bytes) else packet.build()
    kind = b"\x08\x00" if data[0] >> 4 == 4 else b"\x86\xdd"
    head = bytes.fromhex((router + space.mac(device)).replace(":", ""))
    space.packet_socket(device).send(head + kind + data)


def shrunken(line, *changes):
    """Load the router's firewall with each (old, new) of ``changes`` in its text."""
    config = load(line.config)
    text = firewall.wanted_table(config, derive_line(config).ways).source()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    line.router.nft("delete table inet dualwan_firewall\n" + text)


def attempts(line, source, count=1, address=PPPOE, port=22):
    """Connect COUNT times at once from SOURCE; return which attempts were let in.

    Each is refused by ICMP, of which the kernel sends a few a second to one address.
    """
    clients = []
    for _ in range(count):
        client = line.internet.open_socket(socket.AF_INET, socket.SOCK_STREAM, timeout=0)
        client.bind((source, 0))
        client.connect_ex((address, port))
        clients.append(client)
    time.sleep(0.2)
    opened = [_is_open(client) for client in clients]
    for client in clients:
        client.close()
    return opened


def _is_open(client):
    with suppress(OSError):
        client.getpeername()
        return True
    return False
