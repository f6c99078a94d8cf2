"""Names in the configuration that are only other names of a device (altname, ip-link(8))."""

from __future__ import annotations

from collections.abc import Iterable
from socket import if_indextoname, if_nametoindex


def look(names: Iterable[str]) -> dict[str, str]:
    """Return those of ``names`` that are other names, each with the device's own."""
    found = {}
    for name in dict.fromkeys(names):
        try:
            own = if_indextoname(if_nametoindex(name))
        except OSError:  # there is no such device
            continue
        if own != name:
            found[name] = own
    return found
