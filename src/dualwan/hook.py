"""The hooks of ifupdown, NetworkManager and pppd: an event from how the hook is called.

Every ifup and every pppd of the machine runs them, so an event of another interface must end
within milliseconds. The module therefore imports nothing that takes time (an Enum and
``signal``, which needs one, are 3 of a bare interpreter's 8 ms), and its functions import what
they need.
"""

from __future__ import annotations

import os
import stat

from dualwan import paths

TYPE_CHECKING = False  # as typing's, which takes long to load
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence

    from dualwan.config import Config
    from dualwan.model.event import Event

DEADLINE_SECONDS = 60  # pppd starts ip-down only once ip-up has ended
NOT_CLOSED = 1  # exit code before the WAN comes up: ifup then leaves it down

IFUPDOWN = {  # the id of the Event by the folder of the script
    "if-pre-up.d": "pre-up",
    "if-up.d": "up",
    "if-down.d": "down",
    "if-post-down.d": "post-down",
}
PHASES = {  # the same by PHASE: the relatives of ifupdown say up and down
    "pre-up": "pre-up",
    "up": "up",
    "post-up": "up",
    "pre-down": "down",
    "down": "down",
    "post-down": "post-down",
}
NETWORKMANAGER = {  # the ids of the Events by action, NetworkManager-dispatcher(8)
    "pre-up": ("pre-up",),
    "up": ("up",),
    "reapply": ("up",),
    "pre-down": ("down",),
    # Without carrier there is no pre-down.
    "down": ("down", "post-down"),
}
PPP = {"ip-up.d": "ppp-up", "ip-down.d": "ppp-down"}  # by the folder of the script

# The variables that hooks take from their environment.
TAKEN = ("PHASE", "IFACE", "PPP_IFACE", "CALL_FILE", "CONNECTION_EXTERNAL")
# Those that the hook of a DHCPv6 client takes (provisioning.dhcpv6).
TAKEN_FROM_DHCP = (
    "interface",
    "new_dhcp6_unknown_94",
    "new_dhcp6_s46_cont_mape",
    "raw_dhcp_option_94",
)


def own_environment(taken: Sequence[str] = TAKEN) -> MutableMapping[str, str]:
    """Drop all of the environment but ``taken``, before anything reads it; return the rest.

    A user who may start pppd can set variables (``set``, pppd(8)) that reach pppd's scripts: other
    folders and another configuration of ours, OpenSSL's files and authorities, and variables of
    Python and the loader. It is pppd's task to refuse what the loader has read by now (LD_PRELOAD).
    """
    for name in [one for one in os.environ if one not in taken]:
        del os.environ[name]
    return os.environ


def from_ifupdown(folder: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the event's id and interface from the script's ``folder`` and IFACE (interfaces(5)).

    The folder's name means the same to ifupdown, ifupdown-ng, ifupdown2 and NetworkManager's
    01-ifupdown; PHASE does not. PHASE decides only if the script is called from elsewhere, such as
    from a line of a stanza. Without either the id is "".
    """
    event_id = IFUPDOWN.get(folder) or PHASES.get(environ.get("PHASE", ""), "")
    return event_id, environ.get("IFACE", "")


def from_networkmanager(
    arguments: Sequence[str], environ: Mapping[str, str]
) -> tuple[tuple[str, ...], str]:
    """Return the events' ids and the interface from NetworkManager's ``arguments``.

    They are the interface and the action. There are no events for another action, or for a
    connection that another program has made and NetworkManager only shows: the hooks of that
    program run.
    """
    interface, action = (*arguments, "", "")[:2]
    if environ.get("CONNECTION_EXTERNAL") in ("1", "true", "yes"):
        return (), interface
    return NETWORKMANAGER.get(action, ()), interface


def from_ppp(folder: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the event's id and interface from the script's ``folder`` and PPP_IFACE (pppd(8)).

    The id is empty for another folder. CALL_FILE, the peer of `pppd call PEER`, decides in
    ``hook`` whether the session is ours, whatever its interface is.

    PPP_LOCAL, the new address, is ignored. If the hook runs late, the device may have another
    address, so the address is read from the kernel.
    """
    return PPP.get(folder, ""), environ.get("PPP_IFACE", "")


def may_concern(interface: str, text: str, called: str = "") -> bool:
    """Whether a configuration with ``text`` can name ``interface``, or the peer ``called``.

    May return True wrongly, but never False; ``concerns`` decides by the parsed configuration.
    """
    escaped = "\\" in text  # TOML has numeric escapes for letters
    ours = interface in text or interface == paths.PPP_INTERFACE or escaped
    return bool(interface) and (
        ours or (bool(called) and (called in text or called == paths.PPP_PEER))
    )


def hook(
    event_id: str,
    interface: str,
    environ: Mapping[str, str] = os.environ,
    *,
    supervised: bool = False,
) -> int:
    """Run the Event with ``event_id`` for ``interface``; return 0, also after an error.

    The error is logged. Before the WAN comes up (pre-up), an error returns 1: the machine may be
    open, and the caller runs hooks/close. ``supervised``: run in a child process, because
    libnftables ends the process when memory runs out, and at a bug of its own.
    """
    path = environ.get("DUALWAN_CONFIG") or paths.CONFIG
    called = environ.get("CALL_FILE", "") if event_id in PPP.values() else ""
    if not event_id or not interface:
        return 0
    if not _may_concern_us(interface, path, called, environ):
        return 0
    if supervised:
        from dualwan.supervisor import in_child

        done = in_child(event_id, lambda: _handle(event_id, interface, path, called))
    else:
        done = _handle(event_id, interface, path, called)
    return 0 if done or event_id != "pre-up" else NOT_CLOSED


def _may_concern_us(interface: str, path: str, called: str, environ: Mapping[str, str]) -> bool:
    """Whether the configuration, or one that may replace it, can be about ``interface``.

    Those are the ones that were applied last, for one that was cut off, cannot be read, or has a
    new name for the WAN may not name it; and those of a trial. Without any nothing is ours.
    """
    folder = environ.get("DUALWAN_STATE") or paths.STATE_DIR
    tried = (f"{folder}/{paths.TRIAL}/{name}" for name in paths.TRIAL_TEXTS)
    texts = [text for one in (path, *tried) if (text := _text(one)) is not None]
    if not texts:
        return False
    if any(may_concern(interface, text, called) for text in texts):
        return True
    kept = _text(f"{folder}/{paths.LAST_GOOD}") or ""
    if interface in kept or (bool(called) and called in kept):
        return True
    run = environ.get("DUALWAN_RUN") or paths.RUN_DIR
    return interface in (_text(f"{run}/{paths.APPLIED}") or "")


def _text(path: str) -> str | None:
    """Return the text of a file, "" if it or a link's target cannot be read, None for no file."""
    try:
        with open(path, encoding="utf-8", errors="replace", opener=_at_once) as file:
            return file.read()
    except FileNotFoundError:
        return "" if os.path.islink(path) else None  # noqa: PTH114 - pathlib is slow
    except OSError:
        return ""


def _handle(event_id: str, interface: str, path: str, called: str) -> bool:
    """Return whether the event was handled without an error; an unexpected exception is logged."""
    from dualwan.model.event import Event

    event = Event(event_id)
    try:
        return _run(event, interface, path, called)
    except Exception as error:  # noqa: BLE001 - a bug of ours must not fail an ifup
        _report_bug(event, error)
        return False


def _at_once(path: str, flags: int) -> int:
    """Open the configuration; raises OSError at once for what is no file, such as a fifo."""
    handle = os.open(path, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError
    return handle


def _report_bug(event: Event, error: Exception) -> None:
    """Log an unexpected error, and print it to stderr."""
    from dualwan.supervisor import complain

    sentence = f"unexpected {type(error).__name__}: {error}; please report it".replace("\n", " ")
    complain(sentence)
    try:
        from dualwan.errors import DualwanError
        from dualwan.handle.run import fail

        fail(event, DualwanError(sentence))
    except Exception:  # noqa: BLE001, S110 - the log itself is broken; stderr has it
        pass


def _run(event: Event, interface: str, path: str, called: str) -> bool:
    """Handle ``event`` if it concerns us; return whether nothing failed.

    If another configuration is in use meanwhile (StaleError), by a trial or because a person has
    applied it, read the configuration and handle the event again.
    """
    from dualwan.errors import StaleError

    try:
        return _run_once(event, interface, path, called)
    except StaleError:
        return _run_once(event, interface, path, called)


def _run_once(event: Event, interface: str, path: str, called: str) -> bool:
    """Handle ``event``; raises StaleError if the configuration is no longer in use."""
    from pathlib import Path

    from dualwan.errors import ConfigError, UnconfirmedError
    from dualwan.host import in_use
    from dualwan.model.event import Event

    wrong = None
    try:
        config = in_use.load(Path(path))
    except ConfigError as error:
        from dualwan.handle.run import fail
        from dualwan.host import last_good
        from dualwan.supervisor import complain

        kept = last_good.load(Path(path))
        wrong = kept.instead_of(error) if kept else error
        fail(event, wrong)
        complain(str(wrong))
        if kept is None:  # no configuration: nothing of ours, as before the trial
            return isinstance(error, UnconfirmedError)
        config = kept.config
    sessions = config.sessions.values()
    ours = event.of_ppp and any(called == one.peer for one in sessions)
    ppp = [one.interface for one in sessions]
    if ours or concerns(event, interface, config.wan.interface, ppp):
        return _handle_in_time(event, config)
    if event is Event.DOWN and in_use.was_wan(interface, config):
        return _handle_in_time(event, config, renamed=True)
    return wrong is None  # the wrong one may mean it


def _handle_in_time(event: Event, config: Config, *, renamed: bool = False) -> bool:
    """Handle ``event``, of what was the WAN if ``renamed``, before a deadline; see _run_once."""
    from dualwan.errors import DualwanError, StaleError
    from dualwan.handle import handle_event, leave_wan
    from dualwan.host.alarm import deadline
    from dualwan.host.kernel import KernelHost
    from dualwan.model.event import Event

    waits = event is Event.UP and not config.fixed
    seconds = DEADLINE_SECONDS + (config.mape.wait if waits else 0)
    try:
        with deadline(seconds):
            if renamed:
                leave_wan(config, KernelHost(), event)
            else:
                handle_event(config, KernelHost(), event)
    except StaleError:
        raise
    except DualwanError as error:  # handle_event has logged it
        from dualwan.supervisor import complain

        complain(str(error))
        return False
    return True


def concerns(event: Event, interface: str, wan: str, ppp: Sequence[str]) -> bool:
    """Whether ``event`` of ``interface`` is about one of our PPP devices or our WAN.

    That includes another pppd's session on our PPP device: we must not offer services on it.
    """
    return interface in ppp if event.of_ppp else interface == wan
