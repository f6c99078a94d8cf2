"""A router in another guest, as the line's guest controls it: by its wire, power and cables."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from guest.cables import CABLES, card
from guest.command import CommandError
from guest.waiting import TimedOutError
from guest.wire import Wire

_RESULTS = Path("/lab/results")
_LOOK_AGAIN = 5.0  # seconds, while a router boots
_LIMIT = 600.0  # for any request, however busy the host is


class Far:
    """One of two routers."""

    def __init__(self, name: str) -> None:
        """Take hold of its wire, and of its QEMU (QMP)."""
        self.name = name
        self._wire, self._power = Wire(f"lab.{name}"), Wire(f"lab.{name}-power")
        self._number = 0
        self._logs = 0
        self._order("qmp_capabilities")

    def ask(self, what: str, limit: float = _LIMIT) -> Any:
        """Send the request ``what``, a word that serve.py knows; return the answer."""
        return self._answer({"ask": what}, limit)

    def run(self, *argv: str, limit: float = _LIMIT) -> str:
        """Run a program there; its output, or CommandError."""
        answer = self._answer({"argv": argv, "limit": limit}, limit)
        if answer["code"]:
            raise CommandError(f"{self.name}: {' '.join(argv)}: {answer['err'] + answer['out']}")
        return str(answer["out"])

    def cut_power(self) -> None:
        """Cut the power for a moment: the router boots again, with the content of its disk.

        The image's file system has no journal, as a router's would, so it is synced before.
        """
        self.run("sync")
        self._order("system_reset")

    def reboot(self) -> None:
        """Have it rebooted in order."""
        self._say({"argv": ["systemctl", "reboot"], "limit": _LIMIT})

    def pull(self, kind: str) -> None:
        """Pull the cable out of its WAN or LAN."""
        self._cable(kind, up=False)

    def plug(self, kind: str) -> None:
        """Plug the cable in again."""
        self._cable(kind, up=True)

    def boot_id(self, limit: float = _LIMIT) -> str:
        """Return an id that differs from boot to boot."""
        return self.run("cat", "/proc/sys/kernel/random/boot_id", limit=limit)

    def wait_for_boot(self, before: str, limit: float) -> None:
        """Wait until it has booted: until `boot_id` differs from ``before``."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            try:
                if self.boot_id(_LOOK_AGAIN) != before:
                    return
            except TimedOutError:
                continue
            time.sleep(1)
        raise TimedOutError(f"{self.name}: no boot within {limit:.0f} s")

    def keep_log(self) -> None:
        """Keep the journal of this boot among the results."""
        self._logs += 1
        text = self.run("journalctl", "-b", "--no-pager", "-o", "short-monotonic")
        (_RESULTS / f"{self.name}-journal-{self._logs}.txt").write_text(text)

    def _say(self, request: dict[str, Any]) -> int:
        self._number += 1
        self._wire.say({"id": self._number, **request})
        return self._number

    def _answer(self, request: dict[str, Any], limit: float) -> Any:
        number = self._say(request)
        deadline = time.monotonic() + limit
        while (left := deadline - time.monotonic()) > 0:
            heard = self._wire.hear(left)
            if heard and heard["id"] == number:
                if "error" in heard:
                    raise CommandError(f"{self.name}: {request}: {heard['error']}")
                return heard["answer"]
        raise TimedOutError(f"{self.name}: {request}: no answer within {limit:.0f} s")

    def _cable(self, kind: str, *, up: bool) -> None:
        own = next(one for one in CABLES if one.kind == kind and self.name in one.ends)
        self._order("set_link", name=card(own, self.name), up=up)

    def _order(self, word: str, **arguments: object) -> None:
        """Have its QEMU do something (qemu-qmp-ref(7))."""
        self._number += 1
        self._power.say({"execute": word, "arguments": arguments, "id": self._number})
        while heard := self._power.hear(_LIMIT):
            if heard.get("id") == self._number:
                if "error" in heard:
                    raise CommandError(f"QEMU of {self.name}: {word}: {heard['error']}")
                return
        raise TimedOutError(f"QEMU of {self.name}: {word}: no answer")
