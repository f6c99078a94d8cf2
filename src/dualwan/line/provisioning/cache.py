"""The cache of answers, and of the time of each source's last failure. Pure.

An answer is stored as it was received and checked at each reading. So one check serves
both, and a file edited by hand is trusted no more than a server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from dualwan.config.mape import DHCPV6, HB46PP
from dualwan.errors import RemoteError
from dualwan.frozen import dataclass, field, replace
from dualwan.line.provisioning import dhcpv6, hb46pp
from dualwan.line.provisioning.answer import Answer, CachedAnswer

MAX_CACHE = 1 << 20  # bytes
RETRY = 600  # seconds: HB46PP 3.6 asks for ten minutes or more after a failure


class Entry(NamedTuple):
    """An answer as received.

    origin: URL or file. time: seconds since the epoch. prefix: the line's IPv6 prefix.
    """

    origin: str
    time: int
    prefix: str
    text: str


@dataclass(frozen=True)
class AnswerCache:
    """The last answer of each source, and the times of failures since, by source."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)

    def checked(self, now: int) -> tuple[CachedAnswer, ...]:
        """Return the answers that pass the checks, in the order of entries."""
        found = []
        for source, entry in self.entries.items():
            try:
                answer = parse(source, entry.text, entry.origin)
            except RemoteError:
                continue
            found.append(CachedAnswer(source, entry.origin, entry.prefix, now - entry.time, answer))
        return tuple(found)

    def may_ask(self, source: str, now: int) -> bool:
        """Whether ``source`` has not failed within the last RETRY seconds."""
        return not 0 <= now - self.failed.get(source, now - RETRY) < RETRY

    def with_entry(self, source: str, entry: Entry) -> AnswerCache:
        """Return the cache with ``entry`` as the answer of ``source``."""
        failed = {name: time for name, time in self.failed.items() if name != source}
        return replace(self, entries={**self.entries, source: entry}, failed=failed)

    def with_failure(self, source: str, now: int) -> AnswerCache:
        """Return the cache with a failure of ``source`` at ``now``; its answer stays."""
        return replace(self, failed={**self.failed, source: now})


def parse(source: str, text: str, origin: str) -> Answer:
    """Check ``text`` as an answer of ``source``; raises RemoteError."""
    if source == HB46PP:
        return hb46pp.parse(text, origin)
    if source == DHCPV6:
        return dhcpv6.parse(text, origin)
    raise RemoteError(f"{source!r} is no source of answers")


def encode(answers: AnswerCache) -> str:
    """Return ``answers`` as the text of the file."""
    import json  # noqa: PLC0415 - not needed without provisioning

    entries = {
        source: {
            "origin": entry.origin,
            "time": entry.time,
            "prefix": entry.prefix,
            "text": entry.text,
        }
        for source, entry in answers.entries.items()
    }
    return json.dumps({"answers": entries, "failed": dict(answers.failed)}, indent=1) + "\n"


def decode(text: str) -> AnswerCache:
    """Return the cache in ``text``, an empty one if it cannot be read."""
    import json  # noqa: PLC0415 - not needed without provisioning

    try:
        data = json.loads(text[:MAX_CACHE])
        entries = {str(source): _entry(value) for source, value in data["answers"].items()}
        failed = {str(source): _whole(time) for source, time in data["failed"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return AnswerCache()
    return AnswerCache(entries, failed)


def _entry(value: Any) -> Entry:
    words = [value[key] for key in ("origin", "prefix", "text")]
    if not all(isinstance(word, str) for word in words) or not words[0].isprintable():
        raise ValueError(words)
    return Entry(words[0], _whole(value["time"]), words[1], words[2])


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(value)
    return value
