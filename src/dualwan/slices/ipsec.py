"""Traffic of policy-based IPsec (xfrm) as nft matches, if the owner allows it. Pure.

The kernel passes each packet twice: encrypted, as ESP between the two ends, and decrypted, with the
device of the ESP packet. The decrypted packet's source is not spoofed, and it must not be
translated, or no policy would match it any more.
"""

from __future__ import annotations

from dualwan.config import Config

DECRYPTED = "meta ipsec exists"
TO_ENCRYPT = "rt ipsec exists"
NOT_TO_ENCRYPT = "rt ipsec missing"


def accept(config: Config, *matches: str) -> list[str]:
    """Return a rule that accepts packets of ``matches``, or none unless the owner allows it."""
    return [f"{match} accept" for match in matches if config.firewall.ipsec == "accept"]
