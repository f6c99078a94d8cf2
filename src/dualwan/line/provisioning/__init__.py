"""MAP-E's rule from the provider, by HB46PP or DHCPv6. Pure; dualwan.host does the I/O."""
