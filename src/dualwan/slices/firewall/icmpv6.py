"""Neighbour discovery, ICMPv6 errors and DHCPv6. Pure.

RFC 4890 lists the ICMPv6 messages that a firewall must not drop: section 4.4 for those of the
router itself, section 4.3 for those that it forwards.
"""

from __future__ import annotations

# Hop limit 255 proves that NDP was sent on this link, for no router forwards it (RFC 4861).
# Redirects are not accepted: they are for hosts.
_NEIGHBOURS = (
    "icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } "
    "ip6 hoplimit 255 accept"
)
_LISTENERS = (
    "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, "
    "mld2-listener-report } ip6 saddr fe80::/10 accept"
)
# conntrack calls them invalid if it does not know the flow (any more).
ERRORS = "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }"
_ECHO = "icmpv6 type echo-request limit rate 100/second accept"

TO_ROUTER = (_NEIGHBOURS, _LISTENERS, _ECHO)
FROM_ROUTER = (
    "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, "
    "mld-listener-report, mld-listener-done, mld2-listener-report } accept",
    f"{ERRORS} accept",
)
THROUGH = (_ECHO,)

ACCEPT_DHCP_ANSWER = "ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept"
ACCEPT_DHCP_QUESTION = "ip6 daddr { fe80::/10, ff02::1:2 } udp sport 546 udp dport 547 accept"
