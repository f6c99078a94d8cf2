"""/var/lib/dualwan/trial: a configuration on trial. It survives a reboot, which ends the trial.

The two texts are files of their own, so that a hook can search them for its interface. How far the
way back has come may stand in /run/dualwan instead: the disk may be read-only by then.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from dualwan import files, paths
from dualwan.errors import HostError
from dualwan.frozen import replace
from dualwan.host import answers, noted, run_files, store
from dualwan.host.run_files import BROKEN
from dualwan.model.trial import Phase, Trial
from dualwan.words import say

FOLDER = paths.TRIAL
RECORD, ELEMENTS = f"{FOLDER}/trial.json", f"{FOLDER}/elements.json"
TRIED, BEFORE = (f"{FOLDER}/{name}" for name in paths.TRIAL_TEXTS)
_PROGRESS = "trial.json"  # in the run directory
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Return the id of this boot, "" if it cannot be read."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def load() -> Trial | None:
    """Return the trial that is kept; None without one, or if it is broken."""
    folder = answers.directory()
    try:
        data = json.loads(files.read_own(folder / RECORD))
        trial = Trial(
            path=noted.path(data["path"]),
            source=noted.path(data["source"]),
            tried=files.read_own(folder / TRIED),
            before=files.read_own(folder / BEFORE),
            boot=noted.text(data["boot"]),
            until=noted.seconds(data["until"]),
            phase=Phase(data["phase"]),
            drafts=tuple(noted.text(one) for one in data["drafts"]),
            state=store.decode(data["state"]),
            running=tuple(noted.text(one) for one in data["running"]),
            down=noted.device(data["down"]) if data.get("down") else "",
            attempts=noted.number(data["attempts"]),
        )
    except BROKEN:
        return None
    return _as_far_as_it_is(trial)


def _as_far_as_it_is(trial: Trial) -> Trial:
    """Return ``trial`` with what the run directory says of its way back."""
    try:
        boot, until, phase, drafts, attempts = run_files.read(_PROGRESS)
        if (boot, until) != (trial.boot, trial.until):
            return trial
        texts = tuple(noted.text(one) for one in drafts)
        return replace(trial, phase=Phase(phase), drafts=texts, attempts=noted.number(attempts))
    except BROKEN:
        return trial


def save(trial: Trial) -> None:
    """Save ``trial``; raises HostError.

    On a disk that is full by now, the elements that are kept make room for the way back. Where it
    takes nothing at all, the run directory has how far that has come.
    """
    try:
        _write(trial)
    except HostError:
        if trial.phase is Phase.PENDING:
            raise
        with suppress(OSError):
            (answers.directory() / ELEMENTS).unlink()
        try:
            _write(trial)
        except HostError:
            at = trial.phase.value, trial.drafts, trial.attempts
            run_files.write(_PROGRESS, [trial.boot, trial.until, *at])
            return
    _forget_progress()


def _forget_progress() -> None:
    """Remove the file of the run directory; if it stays, it is of no other trial."""
    with suppress(HostError):
        run_files.remove(_PROGRESS)


def _write(trial: Trial) -> None:
    """Write the files of ``trial``. The record comes last: without it there is no trial."""
    answers.write(TRIED, trial.tried)
    answers.write(BEFORE, trial.before)
    data = {
        "path": trial.path,
        "source": trial.source,
        "boot": trial.boot,
        "until": trial.until,
        "phase": trial.phase.value,
        "drafts": trial.drafts,
        "state": store.encode(trial.state),
        "running": trial.running,
        "down": trial.down,
        "attempts": trial.attempts,
    }
    answers.write(RECORD, json.dumps(data) + "\n")


def forget() -> None:
    """Remove the trial; raises HostError."""
    folder = answers.directory()
    for name in (RECORD, ELEMENTS, TRIED, BEFORE):
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise HostError(
                say("{folder}: {reason}", folder=folder / name, reason=error.strerror)
            ) from None
    _forget_progress()
    try:
        (folder / FOLDER).rmdir()
    except OSError:
        return  # it is missing, or holds files that are not ours


def install(path: str, text: str) -> None:
    """Write the configuration ``path`` anew, with its permissions; raises HostError."""
    target = Path(path).resolve()
    try:
        mode = target.stat().st_mode & 0o777
    except OSError:
        mode = 0o644
    try:
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        files.write(target, text, mode, sync=True)
        os.chmod(target, mode)  # noqa: PTH101 - whatever the umask is
    except OSError as error:
        raise HostError(say("{target}: {reason}", target=target, reason=error.strerror)) from None
