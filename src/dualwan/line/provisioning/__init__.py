"""Learn MAP-E's rule from the line itself, by HB46PP or DHCPv6. Pure; dualwan.host asks."""
