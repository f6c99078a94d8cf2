"""The owner's scripts in hooks.d: the queue of changes, the runs, and the start of the runner."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dualwan.host.notice import folder, handover, queue
from dualwan.notice.router import Router


def tell(
    scripts: str, look: Callable[[Router], Router], slices: Sequence[str], reason: str
) -> None:
    """See host.api.Owner.tell_scripts. ``scripts``: their folder."""
    if not folder.has_any(scripts):  # the last one was removed
        queue.forget()
    elif queue.note(look, slices, reason, scripts):
        handover.hand_over()
