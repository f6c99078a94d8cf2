"""What keeps the router from its work is logged when it appears."""

from __future__ import annotations

from dualwan.frozen import replace
from dualwan.handle.run import Run, log


def name_findings(run: Run) -> None:
    """Log each finding that the last look did not have."""
    if run.config is not None and run.done is not None:
        from dualwan.findings import find  # noqa: PLC0415 - only these events look around

        found, known = find(run.config, run.host.surroundings(run.config)), run.done.plan.state
        for one in found:
            if one.digest not in known.findings:
                log(run.event, code=one.code).warning(one.text)
        if (now := tuple(one.digest for one in found)) != known.findings:
            with run.noting_failure():
                run.update_state(lambda state: replace(state, findings=now))
