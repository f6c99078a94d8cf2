"""The part of a host in memory that a trial needs: its record, its timer and the elements."""

from __future__ import annotations

from collections.abc import Sequence

from dualwan.errors import HostError
from dualwan.model.observed import TableId
from dualwan.model.trial import Trial


class FakeTrial:
    """A record that outlives a boot, and a timer that does not.

    Set or checked by tests: boot, the id of the boot; systemd, whether it runs; armed, seconds of
    the timer, None for none; boottime, seconds since boot; kept_tables, those whose elements are
    kept; installed, texts by path.
    """

    def __init__(self) -> None:
        self.trial: Trial | None = None
        self.boot = "first"
        self.boottime = 1000.0
        self.systemd = True
        self.armed: int | None = None
        self.kept_tables: tuple[TableId, ...] | None = None
        self.installed: dict[str, str] = {}

    def load_trial(self) -> Trial | None:
        """See Trials."""
        return self.trial

    def save_trial(self, trial: Trial | None) -> None:
        """See Trials."""
        self.trial = trial

    def boot_id(self) -> str:
        """See Trials."""
        return self.boot

    def since_boot(self) -> float:
        """See Trials."""
        return self.boottime

    def arm(self, seconds: int) -> None:
        """See Trials."""
        if not self.systemd:
            raise HostError("systemd does not run here")
        self.armed = seconds

    def disarm(self) -> None:
        """See Trials."""
        self.armed = None

    def keep_elements(self, tables: Sequence[TableId]) -> None:
        """See Trials."""
        self.kept_tables = tuple(tables)

    def put_back_elements(self) -> int:
        """See Trials."""
        self.kept_tables = None
        return 0

    def install_config(self, path: str, text: str) -> None:
        """See Trials."""
        self.installed[path] = text
