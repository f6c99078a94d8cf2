"""Learning MAP-E's rule from the line itself: HB46PP and DHCPv6. Pure; dualwan.host asks."""

from __future__ import annotations

HB46PP = "hb46pp"
DHCPV6 = "dhcpv6"
SOURCES = (HB46PP, DHCPV6)
