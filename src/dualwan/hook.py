"""What ifupdown and pppd tell, turned into an event. Imports nothing that takes time.

A hook is a function of its environment. Every ifup on the machine and every pppd run it,
so the first thing is to find out, within milliseconds, whether it is any business of ours.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping

from dualwan import paths
from dualwan.model.event import Event

DEADLINE_SECONDS = 60  # pppd holds back ip-down until ip-up has ended, so ip-up must end

IFUPDOWN = {  # by PHASE
    "pre-up": Event.PRE_UP,
    "post-up": Event.UP,
    "pre-down": Event.DOWN,
    "post-down": Event.POST_DOWN,
}
PPP = {"ip-up.d": Event.PPP_UP, "ip-down.d": Event.PPP_DOWN}  # by the script's folder


def from_ifupdown(environ: Mapping[str, str]) -> tuple[Event | None, str]:
    """Return event and interface by interfaces(5)'s PHASE and IFACE; None for no event."""
    return IFUPDOWN.get(environ.get("PHASE", "")), environ.get("IFACE", "")


def from_ppp(folder: str, environ: Mapping[str, str]) -> tuple[Event | None, str]:
    """Return event and interface by the script's folder and pppd(8)'s PPP_IFACE.

    PPP_LOCAL, the new address, is not read: the kernel is asked for the address that the
    device has by then, which is another one if this hook runs late.
    """
    return PPP.get(folder), environ.get("PPP_IFACE", "")


def may_concern(interface: str, text: str) -> bool:
    """Whether a configuration with TEXT can be about INTERFACE: the name stands in it.

    Never wrongly no; the parsed configuration has the last word (concerns).
    """
    escaped = "\\" in text  # TOML can write any letter as a number
    return bool(interface) and (interface in text or interface == paths.PPP_INTERFACE or escaped)


def hook(event: Event | None, interface: str, environ: Mapping[str, str] = os.environ) -> int:
    """Run EVENT for INTERFACE as a hook: always 0, whatever happens; errors go to the log."""
    path = environ.get("DUALWAN_CONFIG") or paths.CONFIG
    if event is None or not interface:
        return 0
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - pathlib is slow to load
            if not may_concern(interface, file.read()):
                return 0
    except OSError:
        return 0  # not configured (yet), or removed
    try:
        _act(event, interface, path)
    except Exception as error:  # noqa: BLE001 - whatever it is, ifupdown must not suffer for it
        _confess(event, error)
    return 0


def _confess(event: Event, error: Exception) -> None:
    """Say that an error which nobody thought of has ended the hook."""
    sentence = f"unexpected {type(error).__name__}: {error}; please report it".replace("\n", " ")
    print(f"dualwan-hook: {sentence}", file=sys.stderr)  # noqa: T201 - ifup shows it
    try:
        from dualwan.errors import DualwanError  # noqa: PLC0415 - only now is it worth the time
        from dualwan.handle import fail  # noqa: PLC0415 - likewise

        fail(event, DualwanError(sentence))
    except Exception:  # noqa: BLE001, S110 - the log is what is broken; stderr has it
        pass


def _act(event: Event, interface: str, path: str) -> None:
    from pathlib import Path  # noqa: PLC0415 - only now is it worth the time

    from dualwan.config import load  # noqa: PLC0415
    from dualwan.errors import BusyError, ConfigError, DualwanError  # noqa: PLC0415

    try:
        config = load(Path(path))
    except ConfigError as error:
        from dualwan.handle import fail  # noqa: PLC0415

        fail(event, error)
        print(f"dualwan-hook: {error}", file=sys.stderr)  # noqa: T201 - ifup shows it
        return
    if not concerns(event, interface, config.wan.interface, config.pppoe.interface):
        return
    from dualwan.handle import handle_event  # noqa: PLC0415
    from dualwan.host.kernel import KernelHost  # noqa: PLC0415

    waits = event is Event.UP and not config.mape.fixed
    seconds = DEADLINE_SECONDS + (config.mape.wait if waits else 0)

    def too_late(_signal: int, _frame: object) -> None:
        raise BusyError(f"gave up after {seconds} s")

    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(seconds)
    try:
        handle_event(config, KernelHost(), event)
    except DualwanError as error:  # logged already
        print(f"dualwan-hook: {error}", file=sys.stderr)  # noqa: T201 - ifup shows it
    finally:
        signal.alarm(0)


def concerns(event: Event, interface: str, wan: str, ppp: str) -> bool:
    """Whether an event of ``interface`` is one of the WAN or of our PPPoE."""
    return interface == (ppp if event.of_ppp else wan)
