"""What IPsec by policies (xfrm) carries, as nft matches; only where the owner wants it. Pure.

The kernel shows it twice: encrypted, as ESP between the two ends, and as it is inside, with the
device of the ESP packet. Inside, its source is no spoofed one, and it must not be translated, or
no policy would match it any more.
"""

from __future__ import annotations

from dualwan.config import Config

DECRYPTED = "meta ipsec exists"
TO_ENCRYPT = "rt ipsec exists"
NOT_TO_ENCRYPT = "rt ipsec missing"


def accept(config: Config, *matches: str) -> list[str]:
    """Return a rule that accepts what ``matches``, none unless the configuration says so."""
    return [f"{match} accept" for match in matches if config.firewall.ipsec == "accept"]
