"""The device of the IPv4 default route that the kernel takes from main, whoever made it."""

from __future__ import annotations

from pathlib import Path

ROUTES = Path("/proc/net/route")  # main in the order of lookup (fib_route_seq_show)
_DESTINATION, _MASK = 1, 7  # columns
_ANY = "00000000"


def device(path: Path = ROUTES) -> str:
    """Return the device of the first default route in main, "" for none, "*" for unreachable.

    Read line by line: a default route comes first, and thousands of others may follow.
    """
    try:
        with path.open(encoding="ascii") as lines:
            next(lines, "")  # the heads of the columns
            rows = (line.split() for line in lines)
            return next(
                (
                    row[0]
                    for row in rows
                    if len(row) > _MASK and row[_DESTINATION] == row[_MASK] == _ANY
                ),
                "",
            )
    except OSError:
        return ""
