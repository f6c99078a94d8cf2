"""Prefixes of lines without MAP-E, and why they have none."""

from __future__ import annotations

from ipaddress import IPv6Network

from dualwan.mape.rule import UNIQUE_LOCAL
from dualwan.words import say

_NGN = say(
    "lies in NTT's own network (NGN): the line has no IPv6 internet, or it is not provisioned"
    " yet; ask the provider whether IPoE and MAP-E are set up, wait for its notice, then have"
    " the line announce its prefix anew (restart the ONU or the home gateway)"
)
_OTHER = say(
    "is not a virtual-connect prefix: lines with it get IPv4 by another service, such as"
    " DS-Lite or a fixed address by IPIP; ask the provider which one it is"
)
_NOT_GLOBAL = say(
    "is not a global prefix: give the one that the line announces on the WAN interface"
)
# Prefixes without MAP-E, and the reason.
UNMAPPED: tuple[tuple[IPv6Network, str], ...] = (
    (IPv6Network("2409::/16"), say("{prefix}: {why}", prefix="2409", why=_OTHER)),
    (IPv6Network("2408::/16"), say("{prefix}: {why}", prefix="2408", why=_NGN)),
    (IPv6Network("2404:1a8::/32"), say("{prefix}: {why}", prefix="2404:1a8:", why=_NGN)),
    (IPv6Network("2001:c90::/32"), say("{prefix}: {why}", prefix="2001:c90:", why=_NGN)),
    (IPv6Network("2001:a000::/20"), say("{prefix}: {why}", prefix="2001:a000:", why=_NGN)),
    (IPv6Network("fe80::/10"), say("a link-local address {why}", why=_NOT_GLOBAL)),
    (UNIQUE_LOCAL, say("a unique local address {why}", why=_NOT_GLOBAL)),
)
