"""What learning needs of the machine: its prefixes, its clock, its cache, and to ask a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dualwan.line.provisioning.answer import Known
    from dualwan.line.provisioning.cache import AnswerCache


class LineServices(Protocol):
    """The line's own servers, and what they said before. dualwan.host has the real ones."""

    def prefixes(self, device: str) -> tuple[str, ...]:
        """Return the global IPv6 prefixes of ``device`` in use, the longest preferred first."""
        ...

    def now(self) -> int:
        """Return the seconds since 1970, by the machine's clock."""
        ...

    def load_answers(self) -> AnswerCache:
        """Return what the line said of its rule, earlier; it outlives a boot."""
        ...

    def save_answers(self, answers: AnswerCache) -> None:
        """Keep ``answers`` for later; raises HostError."""
        ...

    def fetch_provisioning(
        self, source: str, device: str, before: Known | None, seconds: float
    ) -> tuple[str, int, str]:
        """Ask ``source`` (a word of config.mape.SOURCES) about the line on ``device``.

        ``before`` is its last answer. Returns where the answer came from, when it was given,
        and its text, unchecked; raises RemoteError, after ``seconds`` at the latest.
        """
        ...
