"""The access line: router advertisements and the PPPoE access concentrator."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from guest import delegation, waiting
from guest.addresses import FIRST_PPPOE_ADDRESS, PPPOE_GATEWAY, WAN_PREFIX
from guest.namespace import Namespace

RUN = Path("/run/lab")
_PYTHON = "python3"  # runs delegation.py, and nothing else on this side
USER = "home@lab.example"
PASSWORD = "sesame"  # noqa: S105 - nobody lives behind this door

# `ip netns exec` binds this folder over /etc, so that the concentrator's pppd reads its own options
# and runs none of the router's hooks.
OWN_ETC = Path("/etc/netns/isp/ppp")

PPP_UNIT = 50  # of the first session
_SERVER_OPTIONS = f"""\
require-{{protocol}}
name access-concentrator
lcp-echo-interval 10
lcp-echo-failure 3
noipx
unit {PPP_UNIT}
mtu 1454
mru 1454
nodefaultroute
"""

# The line advertises when solicited, and otherwise rarely, as a real one: a lost default route does
# not come back by chance.
_RADVD = """\
interface wan {{
    AdvSendAdvert on;
    MinRtrAdvInterval 200;
    MaxRtrAdvInterval 600;
    AdvDefaultLifetime 1800;
    prefix {prefix}/64 {{
        AdvOnLink on;
        AdvAutonomous on;
    }};
{deprecated}}};
"""
# Hikari Denwa without a home gateway: the line advertises a router only, and clients request a
# prefix by DHCPv6.
_RADVD_WITHOUT_PREFIX = """\
interface wan {
    AdvSendAdvert on;
    AdvManagedFlag on;
    AdvOtherConfigFlag on;
    MinRtrAdvInterval 200;
    MaxRtrAdvInterval 600;
    AdvDefaultLifetime 1800;
};
"""
DELEGATES = Path("/var/lib/lab/delegates")  # if it exists at boot, the line delegates
FIRST_ADVERTISEMENTS_SECONDS = 60.0  # 3 of them, up to 16 s apart, and one that was asked for
_DEPRECATED = """\
    prefix {prefix}/64 {{
        AdvPreferredLifetime 0;
    }};
"""


@dataclass(frozen=True)
class Isp:
    """The provider's side of the router's WAN cable."""

    space: Namespace

    def begin(self) -> None:
        """Announce the /64, or delegate the /56, as the line does."""
        if DELEGATES.exists():
            self.delegate()
        else:
            self.announce()

    def announce(self, prefix: str = WAN_PREFIX, *, instead_of: str = "") -> None:
        """Announce this /64 from now on, and that the other one is not to be used any more."""
        old = _DEPRECATED.format(prefix=instead_of) if instead_of else ""
        self._advertise(_RADVD.format(prefix=prefix, deprecated=old))

    def delegate(self, prefix: str = WAN_PREFIX) -> None:
        """Delegate this /56 from now on to who asks for it, and announce none."""
        self._end(signal.SIGTERM, _PYTHON)
        self.space.run("ip", "-6", "address", "flush", "dev", "wan", "scope", "global")
        self._advertise(_RADVD_WITHOUT_PREFIX)
        self.space.start(f"/usr/bin/{_PYTHON}", delegation.__file__, "wan", f"{prefix}/56")

    def _advertise(self, settings: str) -> None:
        self._end(signal.SIGTERM, "radvd")
        RUN.mkdir(parents=True, exist_ok=True)
        configuration = RUN / "radvd.conf"
        configuration.write_text(settings)
        self.space.run(
            "radvd", "-C", str(configuration), "-p", str(RUN / "radvd.pid"), "-m", "none"
        )

    def finish_announcing(self) -> None:
        """Wait until radvd has sent its first, frequent advertisements (RFC 4861, 6.2.4)."""
        began = (RUN / "radvd.pid").stat().st_mtime
        time.sleep(max(0.0, began + FIRST_ADVERTISEMENTS_SECONDS - time.time()))

    def stop_announcing(self) -> None:
        """Withdraw the default route, by the last advertisement that radvd sends when it ends."""
        self._end(signal.SIGTERM, "radvd")

    def open_pppoe(
        self,
        address: str = FIRST_PPPOE_ADDRESS,
        *,
        protocol: str = "chap",
        password: str = "",
        sessions: int = 1,
    ) -> None:
        """Let the router dial in; it gets ``address`` if it has the ``password``.

        The first of several ``sessions`` gets ``address``, each later one the next address.
        """
        OWN_ETC.mkdir(parents=True, exist_ok=True)
        (OWN_ETC / "options").write_text("")
        (OWN_ETC / "lab-options").write_text(_SERVER_OPTIONS.format(protocol=protocol))
        secrets = OWN_ETC / f"{protocol}-secrets"
        secrets.write_text(f'"{USER}" * "{password or PASSWORD}" *\n')
        secrets.chmod(0o600)
        self.space.run(
            "pppoe-server",
            *("-I", "wan", "-C", "access-concentrator", "-N", str(sessions)),
            *("-L", PPPOE_GATEWAY, "-R", address, "-O", "/etc/ppp/lab-options"),
        )

    def cut_pppoe(self, *, silently: bool = False) -> None:
        """End the session and answer no more: with a PPP termination, or as by a cable cut."""
        self._end(signal.SIGKILL, "pppoe-server")
        if silently:
            self._end(signal.SIGKILL, "pppoe")
            self._end(signal.SIGKILL, "pppd")
        else:
            self._end(signal.SIGTERM, "pppd")

    def reconnect(self, address: str, *, silently: bool = False) -> None:
        """Cut the session, and accept the next at once, with another address for the router."""
        self.cut_pppoe(silently=silently)
        self.open_pppoe(address)

    def session_is_up(self) -> bool:
        """Whether a customer's session stands on this side."""
        return bool(self.space.pids("pppd"))

    def _end(self, number: int, program: str) -> None:
        handles = []
        for pid in self.space.pids(program):
            # radvd's two processes end each other, so either may be gone already.
            with suppress(ProcessLookupError):
                handles.append(os.pidfd_open(pid))
        for handle in handles:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
        for handle in handles:
            wait_for_end(handle, program)


def wait_for_end(handle: int, program: str, limit: float = 15) -> None:
    """Wait for the end of a process, by a pidfd of it."""
    ready = select.select([handle], [], [], limit)[0]
    os.close(handle)
    if not ready:
        raise waiting.TimedOutError(f"{program} is still there after {limit:.0f} s")
