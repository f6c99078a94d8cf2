"""What the rest of the program may ask of a machine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from dualwan.config import Config
from dualwan.model.observed import Memory, Observed
from dualwan.model.plan import Step
from dualwan.model.usage import Losses, Usage

if TYPE_CHECKING:  # loaded only by those who learn
    from dualwan.line.provisioning.answer import Known
    from dualwan.line.provisioning.cache import AnswerCache


class Host(Protocol):
    """A machine: it can be looked at, and be changed one step at a time."""

    def lock(self, seconds: float) -> AbstractContextManager[None]:
        """Hold the machine for one run; raises BusyError after SECONDS."""
        ...

    def remembered(self) -> Memory:
        """What an earlier run noted."""
        ...

    def prefixes(self, device: str) -> tuple[str, ...]:
        """Global IPv6 prefixes of DEVICE that are in use, the longest preferred first."""
        ...

    def await_prefix(self, device: str, seconds: float) -> bool:
        """Wait until DEVICE is there and has such a prefix; whether it has, after SECONDS."""
        ...

    def observe(self, config: Config, slices: Collection[str]) -> Observed:
        """The state that SLICES need to know."""
        ...

    def apply(self, step: Step) -> None:
        """Do one step; raises HostError, KernelError where the kernel refuses."""
        ...

    def remember(self, memory: Memory) -> None:
        """Note MEMORY for later runs."""
        ...

    def resolve(self, name: str) -> str:
        """An IPv6 address of the host NAME, the same each time; raises RemoteError."""
        ...

    def call_update_url(self, path: str) -> str:
        """Make the update call that the file PATH describes; what the provider said.

        Raises ConfigError for the file, RemoteError for the call.
        """
        ...

    def now(self) -> int:
        """Seconds since 1970, by the machine's clock."""
        ...

    def load_answers(self) -> AnswerCache:
        """What the line said of its rule, earlier; outlives a boot."""
        ...

    def save_answers(self, answers: AnswerCache) -> None:
        """Keep ANSWERS for later; raises HostError."""
        ...

    def fetch_provisioning(self, source: str, device: str, before: Known | None,
                           seconds: float) -> tuple[str, int, str]:
        """Ask SOURCE (of provisioning.SOURCES) about the line on DEVICE, within SECONDS.

        BEFORE is its last answer. Returns where the answer came from, when it was given, and
        its text, unchecked; raises RemoteError.
        """
        ...

    def listing(self, family: str, name: str) -> str:
        """How nft lists a table now, without counters and dynamic elements; "" for none."""
        ...

    def usage(self, address: str) -> Usage | None:
        """What is in use of the shared ADDRESS; None without the right to look."""
        ...

    def losses(self) -> Losses:
        """What the table that translates has counted."""
        ...

    def standing(self) -> frozenset[str] | None:
        """Names of all nft tables, ours and others'; None where nft does not show them."""
        ...

    def any_answers(self, device: str, targets: Sequence[str]) -> bool:
        """Whether one of the IPv4 addresses TARGETS answers a ping sent out by DEVICE."""
        ...

    def dial(self, peer: str) -> bool:
        """Start PEER with `pon` unless it runs; whether anything was done."""
        ...

    def hang_up(self, peer: str, seconds: float) -> bool:
        """End PEER with `poff` and wait up to SECONDS for it; whether anything was done."""
        ...
