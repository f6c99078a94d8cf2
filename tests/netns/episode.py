"""One event on a host, and all that it leaves: by this a double is compared with a machine."""

from dataclasses import dataclass, replace
from unittest.mock import patch

from dualwan import handle
from dualwan.config import from_text
from dualwan.errors import DualwanError
from dualwan.host import run_files
from dualwan.model.state import Look, RunState


@dataclass(frozen=True)
class Outcome:
    """What an event leaves.

    results: of each reconciliation, what was applied, what failed, what is left, and what was
    said. error: the exception that ended the event, as text. log: lines of syslog.
    """

    results: tuple[object, ...]
    error: str
    log: tuple[str, ...]
    state: RunState


def happen(host, event, text, only=None):
    """Let the event happen on the host, with a configuration or None; return the outcome."""
    results, log, error = [], [], ""
    reconcile = handle.run.reconcile

    def said(text):  # the run directory is elsewhere on each
        return text.replace(f"{run_files.directory()}/", "")

    def noted(*arguments):
        result = reconcile(*arguments)
        results.append(
            (
                [f"{name}: {step.sign} {step.text}" for name, step in result.applied],
                {name: said(reason) for name, reason in result.failures.items()},
                [
                    f"{one.name}: {step.sign} {step.text}"
                    for one in result.left
                    for step in one.steps
                ],
                tuple(map(said, result.problems)),
                result.warnings,
            )
        )
        return result

    with (
        patch.object(handle.run, "reconcile", noted),
        patch("syslog.syslog", lambda _level, line: log.append(said(line))),
    ):
        try:
            handle.handle_event(text and from_text("dualwan.toml", text), host, event, only)
        except DualwanError as refusal:
            error = f"{type(refusal).__name__}: {said(str(refusal))}"
    return Outcome(tuple(results), error, tuple(log), timeless(host.load_state()))


def timeless(state):
    """Return a run state without the times in it, which the double does not have."""
    return replace(state, looked=Look(), transition_at=0.0)


class KilledError(BaseException):
    """The process is gone: nothing of ours may catch this."""


def killed(double, event, text, at):
    """Let the event happen on a double that is killed before its step ``at``; whether it was."""
    apply, save, done = double.apply, double.save_state, []

    def counted(step):
        if len(done) == at:
            double.save_state = counted  # nobody writes any more
            raise KilledError
        apply(step)
        done.append(step)

    double.apply = counted
    try:
        happen(double, event, text)
    except KilledError:
        return True
    finally:
        double.apply, double.save_state = apply, save
    return False
