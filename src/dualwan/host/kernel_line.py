"""The part of the machine that asks the line: its routers, and servers of it and the provider."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dualwan.host import prefix, run_files
from dualwan.host.lock import locked

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from dualwan.host.netlink_changes import NetlinkChanges
    from dualwan.line.provisioning.answer import CachedAnswer
    from dualwan.line.provisioning.cache import AnswerCache

ASKING_SECONDS = 30.0  # to wait for a run that asks the line's servers


class KernelLine:
    """See LineServices in host.api. What only an exchange needs is loaded then."""

    _netlink: NetlinkChanges

    # --- prefixes and routers ------------------------------------------------------------

    def prefixes(self, device: str) -> tuple[str, ...]:
        """See LineServices."""
        return prefix.prefixes(self._netlink.ipr, device)

    def routers(self, device: str) -> frozenset[str]:
        """See LineServices."""
        return prefix.default_routers(self._netlink.ipr, device)

    def router_prefixes(self, device: str) -> tuple[str, ...]:
        """See LineServices."""
        routers = self.routers(device)
        if not routers:
            return ()
        from dualwan.host.remote import default_router  # noqa: PLC0415 - only where it is doubtful

        return default_router.prefixes(device, routers)

    def announcements(self, device: str, routers: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """See LineServices."""
        from dualwan.host.remote import default_router  # noqa: PLC0415 - only where it is doubtful

        return default_router.announcements(device, routers)

    # --- servers -------------------------------------------------------------------------

    def now(self) -> int:
        """See LineServices."""
        return int(time.time())

    def load_answers(self) -> AnswerCache:
        """See LineServices."""
        from dualwan.host import answers  # noqa: PLC0415 - only provisioning needs it

        return answers.load()

    def save_answers(self, answers: AnswerCache) -> None:
        """See LineServices."""
        from dualwan.host.answers import save  # noqa: PLC0415 - only provisioning needs it

        save(answers)

    def asking(self) -> AbstractContextManager[None]:
        """See LineServices."""
        with run_files.failing_as(""):
            run_files.make()
        return locked(run_files.directory() / "asking", ASKING_SECONDS)

    def resolve(self, name: str, device: str) -> str:
        """See LineServices."""
        from dualwan.host.remote import resolver  # noqa: PLC0415 - loads dnspython, for DS-Lite

        return resolver.stable_address(name, device)

    def call_update_url(self, path: str, device: str, ce: str) -> str:
        """See LineServices."""
        from dualwan.host.remote import update_call  # noqa: PLC0415 - loads ssl, for IPIP

        return update_call.call(update_call.read(Path(path)), device=device, ce=ce)

    def fetch_provisioning(
        self, source: str, device: str, previous: CachedAnswer | None, seconds: float
    ) -> tuple[str, int, str]:
        """See LineServices."""
        from dualwan.host.remote import ask  # noqa: PLC0415 - only provisioning needs it

        return ask.ask(source, device, previous, seconds)
