"""The state that the stages of one event share, and its log."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dualwan import words
from dualwan.config import Config, hooks_dir
from dualwan.errors import DualwanError, HostError
from dualwan.frozen import replace
from dualwan.line.role import stands_by
from dualwan.model.event import Event
from dualwan.model.plan import Step
from dualwan.model.state import RunState
from dualwan.reconcile import LOCK_SECONDS, reconcile
from dualwan.result import Result

if TYPE_CHECKING:
    from dualwan.host.api import Host


class Run:
    """The state that the stages of one event share: the last result, and failures.

    first: the first result, whose plan has the state before the event. reason: of the run, for the
    scripts of hooks.d.
    """

    def __init__(
        self, config: Config | None, host: Host, event: Event, only: Collection[str] | None
    ) -> None:
        self.config, self.host, self.event, self.only = config, host, event, only
        self.first: Result | None = None
        self.done: Result | None = None
        self.failures: list[str] = []
        self.reason = event.value

    def stands_by(self) -> bool:
        """Whether the other router is the active one; without another, the state is not read."""
        config = self.config
        return (
            config is not None
            and config.router.redundant
            and stands_by(config, self.host.load_state())
        )

    def is_noted(self) -> bool:
        """Whether the run state has what this event says: a full /run takes nothing."""
        return self.done is None or "state" not in self.done.failures

    def reconcile_again(self) -> Result:
        """Reconcile after a wait without the lock: what others have decided meanwhile stands.

        The event has said before whether the router is to be up.
        """
        return self.reconcile(Event.PREFIX_CHANGED if self.is_noted() else None)

    def reconcile(self, scope: Event | None = None) -> Result:
        """Reconcile, and log the warnings and the steps applied, also if an error ends the run.

        ``scope``: an event whose scope replaces that of this one. A failure of the previous
        reconciling that did not recur is logged too: stages in between may have removed its cause.
        """
        before = self.done.failures.values() if self.done else ()
        applied: list[tuple[str, Step]] = []
        try:
            self.done = reconcile(self.config, self.host, scope or self.event, self.only, applied)
        finally:
            for name, step in applied:
                log(self.event, slice=name).info(f"{step.sign} {step.text}")
        self.first = self.first or self.done
        for reason in before:
            if reason not in self.done.failures.values():
                fail(self.event, HostError(reason))
        self._announce(self.done, tuple(dict.fromkeys(name for name, _ in applied)))
        if self.done.plan.changes:
            for warning in self.done.warnings:
                warn(self.event, warning)
        return self.done

    def _announce(self, done: Result, slices: tuple[str, ...]) -> None:
        """Report to the owner's scripts; without scripts nothing is imported for it."""
        folder = hooks_dir()
        if self.host.has_scripts(folder, changed=bool(slices)):
            from dualwan.handle.announce import announce  # noqa: PLC0415 - see above

            if problem := announce(self.host, done, folder, slices, self.reason):
                fail(self.event, HostError(problem))

    @contextmanager
    def noting_failure(self) -> Iterator[None]:
        """Add a HostError of the body to ``failures``, and continue."""
        try:
            yield
        except HostError as error:
            self.failures.append(str(error))

    def tell(self, sentence: str) -> None:
        """Log ``sentence``."""
        tell(self.event, sentence)

    def update_state(
        self, change: Callable[[RunState], RunState], seconds: float = LOCK_SECONDS
    ) -> None:
        """Change the run state under the lock; wait for that ``seconds`` at most."""
        with self.host.lock(seconds):
            self.host.save_state(change(self.host.load_state()))

    def result(self) -> Result:
        """Return the last result; raises HostError with all failures and problems."""
        if self.done is None:
            raise HostError(words.say("nothing is to be done at {label}", label=self.event.label))
        if self.event is Event.PRE_UP:  # its only problem is that the link is down, as it should be
            self.done = replace(
                self.done,
                plan=replace(
                    self.done.plan,
                    slices=tuple(replace(item, problems=()) for item in self.done.plan.slices),
                ),
            )
        if problems := (*self.failures, *self.done.problems):
            raise HostError(words.listed("; ", problems))
        return self.done


def tell(event: Event, sentence: str) -> None:
    """Log ``sentence``."""
    log(event).info(sentence)


def fail(event: Event, error: DualwanError) -> None:
    """Log ``error`` as one line."""
    _log_coded(event, str(error)).error(str(error).replace("\n", " "))


def warn(event: Event, sentence: str) -> None:
    """Log ``sentence`` as a warning."""
    _log_coded(event, sentence).warning(sentence)


def _log_coded(event: Event, sentence: str) -> Any:
    """Return a logger that adds the code of ``sentence``, which is the same in every language."""
    code = words.code(sentence)
    return log(event, code=code) if code else log(event)


def log(event: Event, **context: str) -> Any:
    """Return a logger for ``event``."""
    from dualwan.log import logger  # noqa: PLC0415 - an event that finds nothing to do logs nothing

    return logger(cause=event.label, **context)
