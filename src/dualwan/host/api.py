"""The protocol of a machine, in parts; the rest of the program uses nothing else of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from dualwan.config import Config
from dualwan.line.provisioning import source
from dualwan.model.evidence import Evidence, Inquiry
from dualwan.model.observed import Observed, Reads, TableId
from dualwan.model.plan import Step
from dualwan.model.ssh_session import SshSession
from dualwan.model.state import RunState
from dualwan.model.surroundings import Surroundings
from dualwan.model.trial import Trial
from dualwan.model.usage import Flow
from dualwan.ppp.session import Session

if TYPE_CHECKING:
    from dualwan.model.log import LogLine  # which no event loads
    from dualwan.notice.router import Router  # which an event without scripts does not load


class Kernel(Protocol):
    """The kernel: its state, and changes of it one step at a time."""

    def observe(self, reads: Reads) -> Observed:
        """Return the state of the resources in ``reads``; raises KernelError."""
        ...

    def apply(self, step: Step) -> None:
        """Apply one step.

        Raises HostError if the kernel refuses it, RecordError if it is done, but cannot be
        recorded for later runs.
        """
        ...

    def line_state(self, device: str) -> tuple[object, ...] | None:
        """Return a value that changes with the line on ``device``; None without that device.

        It contains the device's index, up or down, its prefixes, whether it has the default route,
        and the routers of such routes.
        """
        ...

    def await_prefix(self, device: str, seconds: float) -> bool:
        """Wait up to ``seconds`` for a global IPv6 prefix on ``device``; return whether it came."""
        ...

    def table_names(self) -> frozenset[str] | None:
        """Return the names of all nft tables, ours and others'; None without the permission."""
        ...

    def ruleset_generation(self) -> int | None:
        """Return the number of the nft ruleset's present state; None without the permission.

        Each transaction of any program makes it another one; packets do not.
        """
        ...

    def counts(self, table: TableId, elements: str) -> tuple[dict[str, int], dict[str, int]]:
        """Return packets by named counter of ``table``, and by element of its set ``elements``.

        Both are empty without such a table, or without the permission. Raises KernelError.
        """
        ...

    def flows_from(self, address: str) -> tuple[Flow, ...] | None:
        """Return the flows translated to ``address``; None without the permission.

        Raises KernelError.
        """
        ...

    def any_answers(self, device: str, hosts: Sequence[str]) -> bool:
        """Whether one of the IPv4 addresses ``hosts`` answers a ping sent out of ``device``.

        Raises HostError without the permission.
        """
        ...


class Examination(Protocol):
    """The line, as far as a diagnosis examines it."""

    def evidence(self, inquiry: Inquiry) -> Evidence:
        """Make the inquiry and return what was seen; what could not be seen is left out.

        Raises KernelError.
        """
        ...


class Store(Protocol):
    """What outlives a run: the run state, until the next boot, and a configuration."""

    def lock(self, seconds: float) -> AbstractContextManager[None]:
        """Hold the lock of the machine for one run; raises BusyError after ``seconds``."""
        ...

    def load_state(self) -> RunState:
        """Return the state that the last run saved."""
        ...

    def is_watched(self) -> bool:
        """Whether a watcher runs, which handles the changes that no hook reports."""
        ...

    def save_state(self, state: RunState) -> None:
        """Save ``state`` for later runs; the caller holds the lock. Raises HostError."""
        ...

    def keep_config(self, config: Config) -> None:
        """Keep ``config`` over a boot as the one applied last, under the lock; raises HostError."""
        ...


class Trials(Protocol):
    """A configuration that is tried, and the way back from it."""

    def load_trial(self) -> Trial | None:
        """Return the trial that is kept, also by an earlier boot; None without one."""
        ...

    def save_trial(self, trial: Trial | None) -> None:
        """Keep ``trial``, or forget the one that is kept; the caller holds the lock.

        Raises HostError.
        """
        ...

    def boot_id(self) -> str:
        """Return the id of this boot, "" if it is unknown."""
        ...

    def since_boot(self) -> float:
        """Return the seconds since boot."""
        ...

    def arm(self, seconds: int) -> None:
        """Let a timer take the router back in ``seconds``, even if this process has ended.

        Raises HostError.
        """
        ...

    def disarm(self) -> None:
        """Stop the timer of ``arm``; raises HostError."""
        ...

    def keep_elements(self, tables: Sequence[TableId]) -> None:
        """Save the elements that packets have added to the sets of ``tables``; raises HostError."""
        ...

    def put_back_elements(self) -> int:
        """Add the saved elements that are missing; return how many of them were refused.

        Raises KernelError.
        """
        ...

    def install_config(self, path: str, text: str) -> None:
        """Overwrite the configuration ``path``; raises HostError."""
        ...


class Partner(Protocol):
    """The other of two routers, to which conntrackd(8) carries flows and back."""

    def commit_flows(self) -> None:
        """Have conntrackd commit the other router's flows, if it is set up; raises HostError."""
        ...

    def follow_flows(self, *, active: bool) -> None:
        """Have conntrackd, if set up, work as that of the active router, or of the standby.

        Raises HostError.
        """
        ...


class Pppd(Protocol):
    """PPP sessions."""

    def sessions(self) -> tuple[Session, ...]:
        """Return the PPP interfaces of the machine with the pppd of each."""
        ...

    def dial(self, peer: str, key: str) -> bool:
        """Start ``peer`` with pon(1) unless it runs; return whether it was started.

        ``key``: the configuration key with the peer. Raises HostError, which names both.
        """
        ...

    def runs(self, peer: str) -> bool:
        """Return whether a pppd of ``peer`` runs or is starting, with a session or without."""
        ...

    def ask_to_end(self, peers: Collection[str]) -> None:
        """Send each pppd of ``peers`` SIGTERM, so that they end at the same time.

        A failure is left to ``hang_up``, which waits for the end and reports it.
        """
        ...

    def hang_up(self, peer: str, seconds: float) -> bool:
        """End each pppd of ``peer``, wait up to ``seconds``; return whether there was one.

        Raises HostError.
        """
        ...

    def keep_one(self, peer: str) -> bool:
        """End every pppd of ``peer`` but one; return whether there was more than one.

        Raises HostError.
        """
        ...


class LineServices(source.LineServices, Protocol):
    """Servers of the line and of the provider, and what provisioning needs besides."""

    def asking(self) -> AbstractContextManager[None]:
        """Keep other runs from asking the line's servers during the body; raises BusyError."""
        ...

    def resolve(self, name: str, device: str) -> str:
        """Return an IPv6 address of ``name``, the same one each time; raises RemoteError.

        The name servers of the line on ``device`` are asked first.
        """
        ...

    def call_update_url(self, path: str, device: str, ce: str) -> str:
        """Make the update call that the file ``path`` describes; return the provider's reply.

        ``device``: with the line; ``ce``: the address of our end.
        Raises ConfigError for the file, RemoteError for the call.
        """
        ...


class Owner(Protocol):
    """The scripts that the machine's owner has put into hooks.d."""

    def has_scripts(self, folder: str, *, changed: bool) -> bool:
        """Whether there may be news for the scripts in ``folder``.

        ``changed``: this run changed something. If not, there are news only if a run was killed
        before its report, and the scripts have been run before. If the last script was removed,
        what they knew has to be forgotten.
        """
        ...

    def tell_scripts(
        self, folder: str, look: Callable[[Router], Router], slices: Sequence[str], reason: str
    ) -> None:
        """Queue the differences from what the scripts know; another process runs the scripts.

        ``look`` returns the present router, given the one that they know. ``slices``: those that
        had a step applied; ``reason``: why. Raises DualwanError.
        """
        ...


class Neighbours(Protocol):
    """Other programs and their files, of which an event (``at_event``) reads less."""

    def surroundings(self, config: Config, *, at_event: bool = False) -> Surroundings:
        """Return what others have put beside this program; what cannot be read is left out."""
        ...

    def log(self) -> tuple[LogLine, ...] | None:
        """Return the last lines of this program's log since boot; None without the permission."""
        ...

    def ssh_session(self) -> SshSession | None:
        """Return the SSH session in which this process was started; None for none."""
        ...


class Host(
    Kernel,
    Examination,
    Store,
    Trials,
    Partner,
    Pppd,
    LineServices,
    Owner,
    Neighbours,
    Protocol,
):
    """A machine."""
