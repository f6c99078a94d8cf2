"""The services that a refresh needs of the host: prefixes, clock, cache and requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dualwan.line.provisioning.answer import CachedAnswer
    from dualwan.line.provisioning.cache import AnswerCache


class LineServices(Protocol):
    """The line's servers and their cached answers; implemented in dualwan.host."""

    def prefixes(self, device: str) -> tuple[str, ...]:
        """Return the global IPv6 prefixes of ``device``, by preferred lifetime, longest first."""
        ...

    def router_prefixes(self, device: str) -> tuple[str, ...]:
        """Ask the default router which IPv6 prefixes it announces on ``device``.

        Empty if it does not answer within seconds. Raises HostError if it cannot be asked.
        """
        ...

    def now(self) -> int:
        """Return the seconds since the epoch, by the machine's clock."""
        ...

    def load_answers(self) -> AnswerCache:
        """Return the cached answers, which outlive a boot."""
        ...

    def save_answers(self, answers: AnswerCache) -> None:
        """Write ``answers`` to the cache; raises HostError."""
        ...

    def fetch_provisioning(
        self, source: str, device: str, previous: CachedAnswer | None, seconds: float
    ) -> tuple[str, int, str]:
        """Ask ``source`` (a word of config.mape.SOURCES) about the line on ``device``.

        ``previous`` is its last answer. Returns origin, time (seconds since the epoch) and
        text of the answer, unchecked. Raises RemoteError, after ``seconds`` at the latest.
        """
        ...
