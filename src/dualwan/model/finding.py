"""A finding: what keeps the router from its work although its own state is in order. Pure."""

from __future__ import annotations

import re

from dualwan.frozen import NamedTuple
from dualwan.words import named, say

# Findings about what an owner may intend: shown, but no reason why the router fails.
NOTICES = frozenset(
    {
        "device-unnamed",
        "device-floods",
        "lan-no-proxy",
        "lan-on-wan",
        "lan-other-interface",
        "lan-other-line",
        "lan-own-advertisement",
        "lan-prefix-from",
        "lan-prefix-unused",
        "lan-unannounced",
        "state-no-flowtable",
        "hooksd-kind",
        "hooksd-untrusted",
        "hooksd-name",
        "hooksd-mode",
        "hooksd-failed",
        "pair-no-keepalived",
        "pair-role-untold",
        "pair-keepalived-off",
        "pair-conntrackd-off",
        "sysctl-rp-filter",
    }
)
_COUNT = re.compile(r"\b[0-9]+ packets?\b")  # a count grows, and the obstacle is still the same


class Finding(NamedTuple):
    """An obstacle that another program, a file or the line has made.

    code: stable id for programs, such as "hook-shadowed". seen: a sentence with the evidence
    (chain, process); one about a file begins with its path, and with the line where there is
    one. remedy: a sentence in the imperative.
    """

    code: str
    seen: str
    remedy: str

    @property
    def text(self) -> str:
        """The finding as one line for a person."""
        return named(say("{seen}: {remedy}", seen=self.seen, remedy=self.remedy), self.code)

    @property
    def is_notice(self) -> bool:
        """Whether the router works in spite of it, and the owner may intend it."""
        return self.code in NOTICES

    @property
    def digest(self) -> str:
        """The finding in a few letters: the same as long as the evidence is the same."""
        from dualwan.digest import sha256  # noqa: PLC0415 - only apply and ifup note it

        seen = _COUNT.sub("packets", self.seen).encode(errors="surrogateescape")  # names of files
        return f"{self.code}:{sha256(seen).hexdigest()[:12]}"
