"""Neighbour discovery, ICMPv6 errors and DHCPv6. Pure.

RFC 4890 lists the ICMPv6 messages that a firewall must not drop: section 4.4 for those of the
router itself, section 4.3 for those that it forwards.
"""

from __future__ import annotations

from dualwan.nft.table import Block, chain, dynamic

# Hop limit 255 proves that a neighbour on this link sent the packet (RFC 4861). Redirects are not
# accepted: they are for hosts, not routers.
_NEIGHBOURS = (
    "icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } "
    "ip6 hoplimit 255 accept"
)
# Neighbour discovery with a zone: its hosts solicit routers, and must not advertise as routers.
_OF_HOSTS = (
    "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } "
    "ip6 hoplimit 255 accept"
)
_LISTENERS = (
    "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, "
    "mld2-listener-report } ip6 saddr fe80::/10 accept"
)
_ERRORS = (
    "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }"
)
# Each packet to an unused address of the LAN starts neighbour discovery there, which fills the
# neighbour table (RFC 6583). So packets of strangers are limited in all, and before that per /64,
# which is what a subscriber has: one stranger cannot use up the common limit.
_BOUND = "limit rate 100/second burst 100 packets"
_BOUND_OF_ONE = "limit rate 10/second burst 20 packets"
_PINGS, _UNKNOWN_ERRORS = "pings6", "errors6"
_SIZE, _LIFE = 1024, "10s"  # of each set; packets of sources without room are dropped
_ECHO = f"icmpv6 type echo-request goto {_PINGS}"

TO_ROUTER = (_NEIGHBOURS, _LISTENERS, _ECHO)
FROM_ZONE = (_OF_HOSTS, _LISTENERS)
FROM_ROUTER = (
    "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, "
    "mld-listener-report, mld-listener-done, mld2-listener-report } accept",
    f"{_ERRORS} accept",
)
THROUGH = (_ECHO,)

ACCEPT_DHCP_ANSWER = "ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept"
ACCEPT_DHCP_QUESTION = "ip6 daddr { fe80::/10, ff02::1:2 } udp sport 546 udp dport 547 accept"


def sets() -> list[Block]:
    """Return the sets of networks that send pings, and errors about unknown flows."""
    return [
        dynamic("set", name, "type ipv6_addr", _SIZE, _LIFE) for name in (_PINGS, _UNKNOWN_ERRORS)
    ]


def chains() -> list[Block]:
    """Return the chains that accept pings, and errors about unknown flows, within both limits."""
    return [
        chain(
            name,
            f"update @{name} {{ ip6 saddr & ffff:ffff:ffff:ffff:: {_BOUND_OF_ONE} }} "
            f"{_BOUND} accept",
            "drop",
            comment=f"{what} of strangers: bounded for each network, and in all",
        )
        for name, what in ((_PINGS, "pings"), (_UNKNOWN_ERRORS, "errors about no flow"))
    ]


def errors(match: str) -> str:
    """Return the rule that limits errors about flows without a conntrack entry.

    ``match``: of the interfaces. Errors about known flows are accepted as related, before.
    """
    return f"{_ERRORS} {match} goto {_UNKNOWN_ERRORS}"
