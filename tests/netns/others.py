"""Other programs on the router, as their rules are in the kernel: Docker and what is like it."""

from pathlib import Path

from line import CONFIG
from space import Namespace

BRIDGE, GATEWAY, CONTAINER = "docker0", "172.17.0.1", "172.17.0.2"
NETWORK = "172.17.0.0/16"
WITH_DOCKER = CONFIG.replace('["lan0"]', f'["lan0", "{BRIDGE}"]')


PATTERNS = CONFIG.replace('["lan0"]', '["lan0", "br-*", "wg*"]')


def masquerade(family="ip", priority="srcnat"):
    """Return Docker's masquerade as nft text, in a base chain with ``priority``."""
    return f"""
        table {family} theirs {{
            chain postrouting {{
                type nat hook postrouting priority {priority}; policy accept;
                ip saddr {NETWORK} oifname != "{BRIDGE}" masquerade
            }}
        }}
    """


def by_nft(router):
    """Load the masquerade as Docker does since version 29, and libvirt, podman, LXD."""
    router.nft(masquerade())


def by_nft_for_both_families(router):
    """Load the masquerade in a table that is for IPv4 and IPv6."""
    router.nft(masquerade("inet"))


def _by_iptables(program):
    def load(router):
        router.run(
            *(program, "-t", "nat", "-A", "POSTROUTING", "-s", NETWORK),
            *("!", "-o", BRIDGE, "-j", "MASQUERADE"),
        )

    load.__name__ = program.replace("-", "_")
    return load


LOADERS = (
    by_nft,
    by_nft_for_both_families,
    _by_iptables("iptables-nft"),
    _by_iptables("iptables-legacy"),
)


def add_host(line, device, router, host, bits=16):
    """Return a namespace behind the router's new ``device``, with the address ``host``."""
    space = Namespace("host")
    line.spaces.append(space)
    line.router.ip(f"""
        link add {device} type veth peer name eth0 netns {space.name}
        link set {device} up
        address add {router}/{bits} dev {device}
    """)
    space.ip(f"""
        link set eth0 up
        address add {host}/{bits} dev eth0
        route add default via {router}
    """)
    return space


def add_container(line):
    """Return a container's namespace behind docker0."""
    return add_host(line, BRIDGE, GATEWAY, CONTAINER)


DATA = Path(__file__).parents[1] / "data" / "others"


def load_rules(router, name, program="iptables-nft"):
    """Load the rules of another program as they lie in tests/data/others."""
    text = (DATA / name).read_text()
    if name.endswith(".nft"):
        router.nft(text)
    else:
        router.run(f"{program}-restore", input=text)
