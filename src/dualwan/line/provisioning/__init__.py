"""Learning MAP-E's rule from the line itself: HB46PP and DHCPv6. Pure; dualwan.host asks."""
