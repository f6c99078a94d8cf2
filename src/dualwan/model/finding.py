"""A finding: what keeps the router from its work although its own state is in order. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """An obstacle that another program, a file or the line has made.

    code: stable id for programs, such as "hook-shadowed". seen: a sentence with the evidence
    (file and line, chain, process). remedy: a sentence in the imperative.
    """

    code: str
    seen: str
    remedy: str

    @property
    def text(self) -> str:
        """The finding as one line for a person."""
        return f"{self.seen}: {self.remedy}"
