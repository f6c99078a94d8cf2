"""/var/lib/dualwan/trial: a configuration on trial. It survives a reboot, which ends the trial.

The two texts are files of their own, so that a hook can search them for its interface.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from dualwan import files, paths
from dualwan.errors import HostError
from dualwan.host import answers, noted, store
from dualwan.host.run_files import BROKEN
from dualwan.model.trial import Phase, Trial
from dualwan.words import say

FOLDER = paths.TRIAL
RECORD, ELEMENTS = f"{FOLDER}/trial.json", f"{FOLDER}/elements.json"
TRIED, BEFORE = (f"{FOLDER}/{name}" for name in paths.TRIAL_TEXTS)
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
        return Trial(
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


def save(trial: Trial) -> None:
    """Save ``trial``; raises HostError.

    On a disk that is full by now, the elements that are kept make room for the way back.
    """
    try:
        _write(trial)
    except HostError:
        if trial.phase is Phase.PENDING:
            raise
        with suppress(OSError):
            (answers.directory() / ELEMENTS).unlink()
        _write(trial)


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
