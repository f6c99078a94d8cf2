"""What a router of bench-scale has: more of ours, or more of others. See scale.py."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flows import HOSTS, udp
from natlab import config
from path_rules import FORWARD

PLAIN = "5 services, a forward"
MANY = 10_000  # of what others have
LAN_DEVICES = 50
ENTRIES = 200_000  # in conntrack
FIRST = 20_000  # port of a forward
WAIT = "600"  # seconds that an unanswered entry lives, so that it outlasts a run


def nothing(line):
    """Leave LINE as it is."""
    del line


@dataclass(frozen=True)
class Scene:
    """A configuration, and what is done before and after it is applied."""

    text: str
    before: Callable = nothing
    after: Callable = nothing


def plain(more=""):
    """Return the configuration of the plain scene, with MORE at its end."""
    return config(1, 6, 6, more=FORWARD + more)


def forwards(count):
    """Return a scene with COUNT forwards more."""
    more = "".join(
        f'[[forward]]\nvia = "pppoe"\nprotocol = "{("tcp", "udp")[number % 2]}"\n'
        f'port = {FIRST + number}\nto = "{HOSTS[number % len(HOSTS)]}"\n'
        for number in range(count)
    )
    return Scene(plain(more))


def policies(count):
    """Return COUNT policies of four shapes in turn, none of which takes a burst."""
    keys = (
        'source = "192.168.{0}.0/24"',
        'protocol = "udp"\nport = {1}',
        'mac = "02:00:00:00:00:{0:02x}"',
        'destination = "198.18.{0}.0/24"',
    )
    return "".join(
        f"[[policy]]\n{keys[n % len(keys)].format(n + 100, FIRST + n)}\n"
        f'way = "{("pppoe", "mape")[n // 4 % 2]}"\n'
        for n in range(count)
    )


def ways():
    """Return three fixed addresses and three sessions, beside MAP-E and the first session."""
    return "".join(
        f'[way.fixed{n}]\ntype = "ipip"\nbr = "2001:db8:ffff::{n}"\nipv4 = "192.0.2.{n + 30}"\n'
        f'interface-id = "::feed:{n}"\n'
        f'[way.session{n}]\ntype = "pppoe"\npeer = "provider{n}"\ninterface = "ppp{n}"\n'
        for n in range(1, 4)
    )


def zones(count):
    """Return COUNT zones, each with a device, a service, a way and a share."""
    return "".join(
        f'[zone.z{n}]\ninterfaces = ["zone{n}"]\nservices = ["dns"]\n'
        f'ways = ["{("pppoe", "mape")[n % 2]}"]\nmax-share = 25\n'
        for n in range(count)
    )


def lan_devices(line):
    """Add LAN devices, so that there are 50; lan0 is the last one named."""
    line.router.ip(
        "".join(
            f"link add lan{number} type veth peer name far{number}\nlink set lan{number} up\n"
            for number in range(1, LAN_DEVICES)
        )
    )


def routes(line):
    """Routes of another program, in main and in a table of its own."""
    line.router.ip(
        "".join(
            f"route add 100.{64 + (number >> 8)}.{number & 255}.0/24 dev wan0 proto 186 "
            f"table {(254, 77)[number % 2]}\n"
            for number in range(MANY)
        )
    )


def rules(line):
    """Rules of another program, behind main, so that the kernel's own lookups pass none."""
    line.router.ip(
        "".join(
            f"rule add from 100.{64 + (number >> 8)}.{number & 255}.0/24 table 77 "
            f"prio {40_000 + number}\n"
            for number in range(MANY)
        )
    )


def elements(line):
    """A set of another program with as many elements, and a chain with as many rules."""
    values = ", ".join(f"100.{64 + (n >> 8)}.{n & 255}.1" for n in range(MANY))
    chain = "\n".join(f"  ip daddr 100.{64 + (n >> 8)}.{n & 255}.1 drop" for n in range(MANY))
    line.router.nft(
        f"table ip others {{\n set many {{\n  type ipv4_addr\n  elements = {{ {values} }}\n }}\n"
        f" chain idle {{\n{chain}\n }}\n}}\n"
    )


def entries(line):
    """Flows of others in conntrack, begun before the rules are there, and none of MAP-E."""
    line.router.nft(
        "table ip tracks {\n chain seen {\n  type filter hook prerouting priority 0\n"
        "  ct state new accept\n }\n}\n"
    )
    line.router.sysctl("net/netfilter/nf_conntrack_udp_timeout", WAIT)
    room = int(Path("/proc/sys/net/netfilter/nf_conntrack_max").read_text()) * 3 // 4
    step = 10_000
    for start in range(0, min(ENTRIES, room), step):
        line.send(
            udp(HOSTS[n % 10], 1024 + n % 60_000, f"11.20.{n >> 8 & 255}.{n >> 16}", 53)
            for n in range(start, min(start + step, ENTRIES, room))
        )
    line.router.run("nft", "delete", "table", "ip", "tracks")


_LANS = ", ".join(f'"lan{number}"' for number in range(LAN_DEVICES - 1, -1, -1))
SCENES = {
    PLAIN: Scene(plain()),
    "10 forwards more": forwards(10),
    "100 forwards more": forwards(100),
    "1,000 forwards more": forwards(1000),
    "100 policies": Scene(plain(policies(100))),
    "8 ways, 8 zones, 100 policies": Scene(plain(ways() + zones(8) + policies(100))),
    "50 LAN interfaces": Scene(plain().replace('"lan0"', _LANS), before=lan_devices),
    "10,000 foreign routes": Scene(plain(), after=routes),
    "10,000 foreign rules": Scene(plain(), after=rules),
    "10,000 elements and rules of nft": Scene(plain(), after=elements),
    "200,000 entries of conntrack": Scene(plain(), before=entries),
}
