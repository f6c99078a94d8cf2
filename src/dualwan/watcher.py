"""The watcher: mends what other programs change of our kernel state, within a second.

At news a child process looks, and mends what differs: so the waiting process stays small, and a
look that hangs or crashes ends alone. A change of the line is handled as the event PREFIX_CHANGED.
After other news the look makes a plan, and handles the event MEND only if the plan has steps. A
look waits for the run of another process and reads the goals under its lock, so that nothing is
mended after an ifdown.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from dualwan import config
from dualwan.apart import SIGNALS, apart
from dualwan.config import Config
from dualwan.damper import FREE, LONGEST_SECONDS, Damper, longest_pause
from dualwan.ears import Ears, follow
from dualwan.errors import (
    BusyError,
    ConfigError,
    DualwanError,
    KernelError,
    ReplacedError,
    UnconfirmedError,
)
from dualwan.handle import due, handle_event
from dualwan.handle.run import fail, warn
from dualwan.host import in_use, last_good
from dualwan.host.api import Host
from dualwan.model.event import Event
from dualwan.planning import make_plan
from dualwan.reconcile import LOCK_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from dualwan.model.state import RunState
    from dualwan.result import Plan

BUSY_SECONDS = 5.0  # after a run of another process that does not end
ROLE_SECONDS = 60.0  # in which a change of role ends: it may wait for other runs, and for pppd
SERVERS_SECONDS = 600.0  # until the line's servers are asked again (HB46PP 3.6, cache.RETRY)
SERVERS_LONGEST = 6 * 3600.0  # the same where they go on to refuse
IN_VAIN = 6  # failures to mend in a row, after which only news lead to another try


class Ask(NamedTuple):
    """The time at which the line's servers are asked again, and the pause before it."""

    at: float = 0.0
    pause: float = 0.0


NEVER = Ask()


@dataclass
class Carried:
    """State that one look hands on to the next.

    line: as it was seen last; line_due: its change has not been handled yet.
    text: of the last configuration without errors. said: the last complaint. failures: to mend, in
    a row. blind: looks in a row that could not be had, or not to their end.
    followed: names of the sysctls, and indexes of the devices, that the plan was made from.
    ask: when to ask the line's servers again, NEVER while no answer is missing.
    role: the number of the last change of role seen under way, and the time by which it must have
    ended; 0 once that is over. transition: an ifup or ifdown was under way.
    """

    line: object = None
    line_due: bool = True
    text: str = ""
    said: str = ""
    failures: int = 0
    blind: int = 0
    damper: Damper = field(default_factory=Damper)
    followed: tuple[tuple[str, ...], tuple[int, ...]] = ((), ())
    ask: Ask = NEVER
    role: tuple[int, float] = (0, 0.0)
    transition: bool = False


class Looked(NamedTuple):
    """The outcome of a look; seconds: until the next one unless news come first, None for never."""

    seconds: float | None
    carried: Carried


class Look:
    """One look at everything, and the mending.

    path: of the configuration. programs: those that caused the news.
    """

    def __init__(
        self, carried: Carried, path: Path, host: Host, programs: Collection[str] = ()
    ) -> None:
        self.carried, self._path, self._host = carried, path, host
        self._programs = programs

    def run(self) -> Looked:
        """Look once and mend."""
        return Looked(self._turn(), self.carried)

    def _turn(self) -> float | None:
        found = self._current()
        if found is None:
            return None
        try:
            return self._look(found)
        except BusyError as error:
            self._complain(error)
            return BUSY_SECONDS
        except DualwanError as error:  # the kernel could not be read
            self._complain(error)
            return after_failure(self.carried)

    def _current(self) -> Config | None:
        """Return the present configuration, or if it is wrong the last one without errors.

        That is the last one that this process has read, or else the last one that was applied.
        """
        name, carried = str(self._path), self.carried
        try:
            text = in_use.read(self._path)
            found = config.from_text(name, text)
        except UnconfirmedError as error:  # carried.text may be the one that was on trial
            carried.text, kept = "", last_good.load(self._path)
            self._complain(error)
        except ConfigError as error:
            kept = last_good.load(self._path)
            self._complain(kept.instead_of(error) if kept and not carried.text else error)
        else:
            carried.text = text
            return found
        with suppress(ConfigError):  # the rules beside it may be wrong too
            if carried.text:
                return config.from_text(name, carried.text)
        return kept.config if kept else None

    def _look(self, found: Config) -> float | None:
        carried = self.carried
        seen_line: object = self._host.line_state(found.prefix_source)
        if found.prefix_source != found.wan.interface:
            seen_line = seen_line, self._host.line_state(found.wan.interface)
        if seen_line != carried.line:
            carried.line, carried.line_due, carried.ask = seen_line, True, NEVER
        with self._host.lock(LOCK_SECONDS):  # until the run of another process has ended
            state = self._host.load_state()
        if not state.wanted and not state.tables:
            carried.line_due, carried.ask = False, NEVER
            return None  # after ifdown, or before the first ifup
        if carried.line_due:
            return self._handle(found, Event.PREFIX_CHANGED)
        plan = make_plan(found, self._host, Event.MEND)
        carried.blind = 0
        before, seen = carried.followed, plan.observed
        carried.followed = tuple(seen.sysctls), tuple(link.index for link in seen.links.values())
        if plan.changes:
            return self._mend(found, plan)
        carried.failures, carried.said = 0, ""
        if carried.followed != before:  # a sysctl may have been written before it was followed
            return 0.0
        return _sooner(
            self._await_role(found, state),
            self._await_end(state),
            self._await_servers(found, plan),
        )

    def _await_role(self, found: Config, state: RunState) -> float | None:
        """Return the seconds until a change of role is looked at again, None for never.

        The process that makes the change dials and hangs up without the lock. If it has not ended
        in ROLE_SECONDS, the watcher completes the change, once.
        """
        role, now = state.role, monotonic()
        if role.followed or not found.router.redundant:
            return None
        if self.carried.role[0] != role.asked:
            self.carried.role = role.asked, now + ROLE_SECONDS
        until = self.carried.role[1]
        if now < until:
            return until - now
        self.carried.role = role.asked, 0.0
        return self._handle(found, Event.MEND) if until else None

    def _await_end(self, state: RunState) -> float | None:
        """Return the seconds until an ifup or ifdown must have ended, None if none is under way.

        One that has failed sends no event; the watcher then dials what it would have dialled.
        """
        left = state.transition_left(self._host.since_boot())
        was, self.carried.transition = self.carried.transition, bool(left)
        self.carried.line_due = was and not left and state.in_transition
        return 0.0 if self.carried.line_due else left or None

    def _await_servers(self, found: Config, plan: Plan) -> float | None:
        """Ask or notify servers if due; return the seconds until the next time, None for never.

        No news of the kernel says that a server works again. The pause doubles after each refusal.
        """
        left = due.seconds(found, plan, self._host)
        if left is None or left > 0.0:
            self.carried.ask = NEVER
            return left
        now, ask = monotonic(), self.carried.ask
        if ask == NEVER:
            ask = Ask(now + SERVERS_SECONDS, SERVERS_SECONDS)
        elif now >= ask.at:
            pause = min(2 * ask.pause, SERVERS_LONGEST)
            self.carried.ask = Ask(now + pause, pause)
            self.carried.line_due = True  # also if another run keeps it from being done now
            return self._handle(found, Event.PREFIX_CHANGED)
        self.carried.ask = ask
        return ask.at - now

    def _mend(self, found: Config, plan: Plan) -> float | None:
        """Mend what ``plan`` changes, unless its pause has not ended yet."""
        changes, now = [step.text for item in plan.slices for step in item.changes], monotonic()
        in_vain = self.carried.failures >= IN_VAIN
        if (longest := longest_pause(is_open=plan.is_open, in_vain=in_vain)) is None:
            return None
        if pause := self.carried.damper.pause(changes, now, longest):
            return pause
        for text in self.carried.damper.note(changes, now):
            by = f", now after {', '.join(self._programs)}" if self._programs else ""
            warn(
                Event.MEND,
                f"{text}: mended {FREE} times in a row{by}; the watcher pauses from now on",
            )
        return self._handle(found, Event.MEND)

    def _handle(self, found: Config, event: Event) -> float | None:
        """Handle ``event``, which logs its own errors; return the seconds until the next look.

        One in which the kernel could not be read is not over: it may not have dialled yet.
        """
        try:
            handle_event(found, self._host, event)
        except BusyError:
            return BUSY_SECONDS
        except KernelError:
            return after_failure(self.carried)
        except DualwanError:
            self.carried.failures += 1  # unless the next look finds nothing to change
        self.carried.line_due, self.carried.blind = False, 0
        return 0.0

    def _complain(self, error: DualwanError) -> None:
        """Log ``error``, but not twice in a row."""
        if str(error) != self.carried.said:
            self.carried.said = str(error)
            fail(Event.MEND, error)


def _sooner(*seconds: float | None) -> float | None:
    """Return the least of ``seconds``, of which None is never."""
    return min((one for one in seconds if one is not None), default=None)


def after_failure(carried: Carried) -> float:
    """Return the seconds until another look: no news tell that it can be had by now."""
    carried.blind = min(carried.blind + 1, IN_VAIN + 1)
    return min(2.0 ** (carried.blind - 1), LONGEST_SECONDS)


def watch(path: Path, make_host: Callable[[], Host], ears: Ears) -> NoReturn:
    """Look, and then at each news, until a signal ends the process; a look is ended first.

    path: of the configuration. make_host: called in the child. Raises ReplacedError.
    """
    carried, worked, deaf = Carried(), False, ""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    while True:
        ears.drain()  # what the look will see
        try:
            looked = apart(lambda: Look(carried, path, make_host(), ears.programs).run())  # noqa: B023 - called at once
        except ReplacedError:
            if worked:
                raise  # systemd starts another watcher, with the new modules
            looked = None
        worked |= looked is not None
        seconds, carried = looked or Looked(after_failure(carried), carried)
        deaf = follow(ears, carried.followed, deaf)
        if seconds != 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            if ears.wait(seconds):
                carried.failures = carried.blind = 0  # with news, it is worth another try
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
