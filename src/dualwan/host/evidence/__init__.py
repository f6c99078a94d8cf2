"""Gather the evidence for a diagnosis: observe, ask the line, listen. Changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from dualwan.errors import HostError
from dualwan.host import ping, prefix
from dualwan.host.evidence import devices, further, hooks, ppp, window
from dualwan.model.evidence import Evidence, Heard, Inquiry, OfWay
from dualwan.words import say

SPARE = 6.0  # seconds after the window's end for the other threads


def gather(ipr: Any, ask: Inquiry) -> Evidence:
    """Return the evidence; ``ipr`` is an rtnetlink socket. Raises KernelError."""
    found = devices.look(ipr, (ask.wan, ask.tunnel, ask.ppp, *ask.lan))
    before, wan = found.get(ask.tunnel), found.get(ask.wan)
    answers = _start(lambda: ping.any_answers(ask.tunnel, ask.targets)) if ask.targets else None
    log = _start(ppp.log)
    ways = {one.name: _start(partial(further.look, one, ask.targets)) for one in ask.ways}
    heard: Heard | None = None
    unheard = say("{wan} is not up", wan=ask.wan)
    if wan is not None and wan.up and wan.carrier:
        try:
            heard, unheard = window.listen(ask), ""
        except HostError as error:
            unheard = str(error)
    after = devices.look(ipr, (ask.tunnel,)).get(ask.tunnel)
    return Evidence(
        devices=found,
        came=max(0, after.received - before.received) if before and after else 0,
        went=max(0, after.sent - before.sent) if before and after else 0,
        prefixes=prefix.prefixes(ipr, ask.prefix_source),
        heard=heard,
        unheard=unheard,
        answers=answers() if answers else None,
        ppp_log=log(),
        dialling=ppp.dialling(ask.peer),
        peer_there=ppp.has_peer(ask.peer),
        hooks_missing=hooks.missing(),
        ways={name: look() or OfWay() for name, look in ways.items()},
    )


def _start(work: Callable[[], Any]) -> Callable[[], Any]:
    """Run ``work`` in a thread; return a function that waits for its result.

    The result is None after SPARE seconds, or if ``work`` fails. The thread is a daemon, so it does
    not delay the end of the program.
    """
    result: list[Any] = []

    def run() -> None:
        with suppress(HostError, OSError):
            result.append(work())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def finished() -> Any:
        thread.join(SPARE)
        return result[0] if result else None

    return finished
