"""What ifupdown and pppd tell, turned into an event. Imports nothing that takes time.

A hook is a function of its environment. Every ifup on the machine and every pppd run it,
so the first thing is to find out, within milliseconds, whether it is any business of ours.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping

DEFAULT_CONFIG = "/etc/dualwan/dualwan.toml"
DEFAULT_PPP = "ppp0"
DEADLINE_SECONDS = 60  # pppd holds back ip-down until ip-up has ended, so ip-up must end

# (MODE or the command's word, PHASE) -> name in targets.Event
IFUPDOWN = {
    "pre-up": "PRE_UP",
    "post-up": "UP",
    "pre-down": "DOWN",
    "post-down": "POST_DOWN",
}


def from_ifupdown(environ: Mapping[str, str]) -> tuple[str, str]:
    """Event name and interface from interfaces(5)'s PHASE and IFACE; ("", "") for none."""
    return IFUPDOWN.get(environ.get("PHASE", ""), ""), environ.get("IFACE", "")


def from_ppp(name: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Event name and interface from the script's folder and pppd(8)'s PPP_IFACE."""
    return {"ip-up.d": "PPP_UP", "ip-down.d": "PPP_DOWN"}.get(name, ""), environ.get(
        "PPP_IFACE", "")


def may_concern(interface: str, text: str) -> bool:
    """Whether a configuration with TEXT can be about INTERFACE: the name stands in it.

    Never wrongly no; the parsed configuration has the last word (is_ours).
    """
    escaped = "\\" in text  # TOML can write any letter as a number
    return bool(interface) and (interface in text or interface == DEFAULT_PPP or escaped)


def hook(event: str, interface: str, environ: Mapping[str, str] = os.environ) -> int:
    """Run EVENT for INTERFACE as a hook: always 0, whatever happens; errors go to the log."""
    path = environ.get("DUALWAN_CONFIG") or DEFAULT_CONFIG
    if not event or not interface:
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


def _confess(event: str, error: Exception) -> None:
    """Say that an error which nobody thought of has ended the hook."""
    sentence = f"unexpected {type(error).__name__}: {error}; please report it".replace("\n", " ")
    print(f"dualwan-hook: {sentence}", file=sys.stderr)  # noqa: T201 - ifup shows it
    try:
        from dualwan.errors import DualwanError  # noqa: PLC0415
        from dualwan.handle import fail  # noqa: PLC0415
        from dualwan.slices.goals import Event  # noqa: PLC0415

        fail(Event[event], DualwanError(sentence))
    except Exception:  # noqa: BLE001, S110 - the log is what is broken; said it was
        pass


def _act(event: str, interface: str, path: str) -> None:
    from pathlib import Path  # noqa: PLC0415 - only now is it worth the time

    from dualwan.config import load  # noqa: PLC0415
    from dualwan.errors import BusyError, ConfigError, DualwanError  # noqa: PLC0415
    from dualwan.slices.goals import Event  # noqa: PLC0415

    happened = Event[event]
    try:
        config = load(Path(path))
    except ConfigError as error:
        from dualwan.handle import fail  # noqa: PLC0415

        fail(happened, error)
        print(f"dualwan-hook: {error}", file=sys.stderr)  # noqa: T201 - ifup shows it
        return
    if not is_ours(happened.name, interface, config.wan.interface, config.pppoe.interface):
        return
    from dualwan.handle import happen  # noqa: PLC0415
    from dualwan.host.kernel import KernelHost  # noqa: PLC0415

    waits = happened is Event.UP and config.mape.softwire is None
    seconds = DEADLINE_SECONDS + (config.mape.wait if waits else 0)

    def too_late(_signal: int, _frame: object) -> None:
        raise BusyError(f"gave up after {seconds} s")

    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(seconds)
    try:
        happen(config, KernelHost(), happened)
    except DualwanError as error:  # logged already
        print(f"dualwan-hook: {error}", file=sys.stderr)  # noqa: T201 - ifup shows it
    finally:
        signal.alarm(0)


def is_ours(event: str, interface: str, wan: str, ppp: str) -> bool:
    """Whether an event of INTERFACE is one of the WAN or of our PPPoE."""
    return interface == (ppp if event.startswith("PPP_") else wan)
