"""Chains of other programs: as values, read from nft's JSON or iptables-save, and judged. Pure."""
