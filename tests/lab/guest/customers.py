"""An access concentrator with several sessions: each customer has an address of his own.

Like a provider's, it assigns the address by the customer's name, and one session can end and come
back while the others stay. The secrets file has the addresses; pppd reads it again for each
session.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from guest.addresses import FIRST_PPPOE_ADDRESS, PPPOE_GATEWAY
from guest.isp import OWN_ETC, PASSWORD, Isp, wait_for_end

_NOBODYS = "203.0.113.240"  # the first of the addresses that no customer gets
_MOST = "4"  # sessions at once
_SECRETS, _IP_UP = OWN_ETC / "chap-secrets", OWN_ETC / "ip-up"
# /etc/ppp is OWN_ETC in that namespace; the script records which process has whose session.
_NOTE = """\
#!/bin/sh
echo "$PPID" > "/etc/ppp/of-$PEERNAME"
"""
# The router's pppd notes its interfaces in /run; the concentrator's must not be there.
_OWN_RUN = 'mount -t tmpfs run /run && exec "$@"'


class Customers:
    """The concentrator, from `serving` on; ``addresses``: of each customer now, by his name."""

    def __init__(self, isp: Isp, addresses: dict[str, str]) -> None:
        """Nobody is served before `serving`."""
        self._isp = isp
        self.addresses = dict(addresses)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Take the place of the concentrator with one session for a `with` block."""
        self._isp.cut_pppoe()
        _IP_UP.write_text(_NOTE)
        _IP_UP.chmod(0o755)
        self._write_secrets()
        self._isp.space.run(
            *("sh", "-c", _OWN_RUN, "sh", "pppoe-server"),
            *("-I", "wan", "-C", "access-concentrator", "-N", _MOST),
            *("-L", PPPOE_GATEWAY, "-R", _NOBODYS, "-O", "/etc/ppp/lab-options"),
        )
        try:
            yield
        finally:
            self._isp.cut_pppoe()
            _IP_UP.unlink()
            self._isp.open_pppoe(FIRST_PPPOE_ADDRESS)

    def reconnect(self, name: str, address: str) -> None:
        """End the session of a customer; the next one gets this address."""
        self.addresses[name] = address
        self._write_secrets()
        note = OWN_ETC / f"of-{name}"
        process = os.pidfd_open(int(note.read_text()))
        note.unlink()
        signal.pidfd_send_signal(process, signal.SIGTERM)
        wait_for_end(process, "pppd")

    def _write_secrets(self) -> None:
        _SECRETS.write_text(
            "".join(
                f'"{name}" * "{PASSWORD}" {address}\n' for name, address in self.addresses.items()
            )
        )
