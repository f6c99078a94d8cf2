"""A finding: what keeps the router from its work although its own state is in order. Pure."""

from __future__ import annotations

import re

from dualwan.frozen import NamedTuple
from dualwan.words import named, say

# What an owner may want to be as it is: shown, but no reason why the router does not work.
NOTICES = frozenset(
    {
        "device-unnamed",
        "device-floods",
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
_COUNT = re.compile(r"\b[0-9]+ packets?\b")  # grows without being another obstacle


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
        """Whether the router works all the same, and may be meant so."""
        return self.code in NOTICES

    @property
    def digest(self) -> str:
        """The finding in a few letters: the same as long as the evidence is the same."""
        from dualwan.digest import sha256  # noqa: PLC0415 - only apply and ifup note it

        return f"{self.code}:{sha256(_COUNT.sub('packets', self.seen).encode()).hexdigest()[:12]}"
