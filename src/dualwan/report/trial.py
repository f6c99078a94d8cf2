"""A trial, as status shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dualwan.model.trial import Phase, Trial
from dualwan.report.data import TrialData
from dualwan.words import say


def as_data(trial: Trial | None, boot: str, since_boot: float) -> TrialData | None:
    """Return the data of --json; None without a trial. ``since_boot``: seconds."""
    if trial is None:
        return None
    data: TrialData = {
        "state": "pending",
        "file": trial.source,
        "path": trial.path,
        "left": max(0, round(trial.until - since_boot)),
    }
    if trial.is_pending(boot):
        return data
    returning = trial.is_due(boot) and trial.phase is Phase.RETURNING
    return {**data, "state": "returning" if returning else "not confirmed", "left": None}


def words(data: TrialData, now: datetime | None = None) -> str:
    """Return a line for a person; ``now``: the time of day."""
    if data["left"] is not None:
        at = (now or datetime.now(UTC).astimezone()) + timedelta(seconds=data["left"])
        return say(
            "{file} is tried until {at:%H:%M:%S} ({left} s), and then the router "
            "goes back; to keep it: dualwan-hook confirm",
            file=data["file"],
            at=at,
            left=data["left"],
        )
    if data["state"] == "returning":
        return say("{file} was not confirmed, and the router is going back", file=data["file"])
    if data["file"] != data["path"]:
        return say(
            "{file} was not confirmed: what was applied before is in use; to try it again: "
            "dualwan-hook --config {file} try",
            file=data["file"],
        )
    return say(
        "{file} was not confirmed: events use what was applied before, until "
        "the file is changed; dualwan-hook applies it as it is",
        file=data["file"],
    )
