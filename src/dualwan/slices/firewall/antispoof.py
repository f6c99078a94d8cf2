"""Spoofed sources and impossible TCP flags from outside. Pure.

Such packets are dropped at priority raw, before conntrack: they neither create an entry nor
match one.
"""

from __future__ import annotations

from dualwan.config import Config
from dualwan.model.way import Way, devices
from dualwan.nft.table import Block, base_chain, chain, quoted
from dualwan.slices import ipsec, zones

# Never a source on the internet (RFC 6890). The documentation networks are left out, because
# laboratories use them and their packets do no harm.
_BOGONS4 = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
)
_BOGONS6 = ("::1", "::ffff:0:0/96", "fc00::/7", "fec0::/10", "ff00::/8")

_ALL_FLAGS = "fin | syn | rst | psh | ack | urg"


def chains(config: Config, ways: tuple[Way, ...]) -> tuple[Block, ...]:
    """Return the base chain for packets from outside, and the one for bogon sources."""
    wans = quoted(zones.outside(config, ways))
    ipv4_wans = quoted(devices(ways))
    shared, lans = zones.one_nic(config), zones.lan_only(config)
    ipv6_wans = quoted(name for name in zones.outside_ipv6(config, ways) if name != shared)
    flags = [
        f"iifname {wans} tcp flags & ({_ALL_FLAGS}) == {odd} drop"
        for odd in (f"({_ALL_FLAGS})", "0x0")
    ]
    return (
        base_chain(
            "prerouting",
            "type filter hook prerouting priority raw; policy accept;",
            *ipsec.accept(config, ipsec.DECRYPTED),
            # A source that routes to the LAN belongs to a LAN host. Link-local addresses are
            # on every link.
            *(
                [
                    f"iifname {wans} ip6 saddr != fe80::/10 fib saddr oifname {quoted(lans)} drop",
                    f"iifname {wans} meta nfproto ipv4 fib saddr oifname {quoted(lans)} drop",
                ]
                if lans
                else []
            ),
            *(
                [
                    f"iifname {ipv4_wans} ip saddr {zones.lan_networks(config)} "
                    f'fib saddr oifname "{shared}" drop'
                ]
                if shared
                else []
            ),
            # Routers on the path may have such addresses; their errors are needed (RFC 1191).
            f"iifname {ipv4_wans} ip saddr {{ {', '.join(_BOGONS4)} }} jump bogon",
            f"iifname {ipv6_wans} ip6 saddr {{ {', '.join(_BOGONS6)} }} drop",
            *(flags if config.firewall.bogus == "drop" else []),
            comment="from outside: no source that cannot be there, no impossible TCP flags",
        ),
        chain(
            "bogon",
            "icmp type { destination-unreachable, time-exceeded, parameter-problem } accept",
            "drop",
            comment="private sources: routers on the way may report errors from such",
        ),
    )
