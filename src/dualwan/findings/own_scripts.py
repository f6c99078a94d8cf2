"""Scripts of the owner in hooks.d that are not run, or have failed."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.words import say


def not_run(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each script that is not run, with the reason."""
    del config
    for one in around.own_scripts:
        if one.code != "failed":
            yield Finding(
                f"hooksd-{one.code}",
                say("{path} is not run: {reason}", path=one.path, reason=one.reason),
                one.remedy,
            )


def failed(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each script whose last run failed."""
    del config
    for one in around.own_scripts:
        if one.code == "failed":
            yield Finding(
                "hooksd-failed",
                say(
                    "the script {path} failed at its last run, {of}: {reason}",
                    path=one.path,
                    of=one.of,
                    reason=one.reason,
                ),
                say("`journalctl -t dualwan-hook` has what it said; the next change runs it again"),
            )
