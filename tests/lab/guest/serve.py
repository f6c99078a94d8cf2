"""Runs on one of two routers: does what the line's guest requests by the wire, until shutdown.

It is also the web server of the router, which the internet reaches by PPPoE.
"""

from __future__ import annotations

import subprocess
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from guest import command, growth, prepare_router, standing
from guest.namespace import ROUTER
from guest.servers import Servers
from guest.wire import Wire

ANSWERS: Mapping[str, Callable[[], Any]] = {
    "prepare": prepare_router.prepare,
    "standing": standing.look,
    "growth": growth.look,
}


def main() -> None:
    """Answer each request under its number."""
    with Servers(ROUTER, tcp=(80,)):
        wire = Wire("lab.wire")
        while True:
            request = wire.hear()
            if request:
                wire.say({"id": request.get("id"), **_answer(request)})


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        if what := request.get("ask"):
            return {"answer": ANSWERS[what]()}
        done = command.attempt(request["argv"], limit=request["limit"])
    except (OSError, LookupError, ValueError, subprocess.SubprocessError, command.CommandError):
        return {"error": traceback.format_exc()}
    return {"answer": {"code": done.returncode, "out": done.stdout, "err": done.stderr}}


if __name__ == "__main__":
    main()
