"""The complete environment of the owner's scripts; nothing of the caller's is inherited. Pure."""

from __future__ import annotations

from dualwan.notice.pending import Notice
from dualwan.notice.router import Ranges

FIXED = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
}


def environment(notice: Notice) -> dict[str, str]:
    """Return the environment in which each script is run for ``notice``."""
    return {
        **FIXED,
        "DUALWAN_EVENT": notice.event,
        "DUALWAN_WAY": notice.way,
        "DUALWAN_INTERFACE": notice.interface,
        "DUALWAN_OLD_ADDRESS": notice.old,
        "DUALWAN_NEW_ADDRESS": notice.new,
        "DUALWAN_PORTS": _words(notice.ports),
        "DUALWAN_DEFAULT_WAY": notice.carrier,
        "DUALWAN_PREFIX": notice.prefix,
        "DUALWAN_SLICES": " ".join(notice.slices),
        "DUALWAN_REASON": notice.reason,
    }


def _words(ports: Ranges) -> str:
    return " ".join(f"{low}-{high}" for low, high in ports)
