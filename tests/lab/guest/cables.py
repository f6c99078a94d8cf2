"""The cables between the line and two routers: the port of each machine that each of them joins."""

from __future__ import annotations

from dataclasses import dataclass

ROUTERS = ("router1", "router2")


@dataclass(frozen=True)
class Cable:
    """A cable between two guests, each by its name and the name of its network card."""

    kind: str
    ends: tuple[str, str]


# wan and lan of each router lead to a switch of the line.
CABLES = (
    *(Cable(kind, (router, "line")) for router in ROUTERS for kind in ("wan", "lan")),
    Cable("sync", ROUTERS),
)


def card(cable: Cable, guest: str) -> str:
    """Return the name of the network card of ``guest`` for ``cable``, in the whole lab."""
    router = cable.ends[0] if guest == "line" else guest
    return f"{guest}-{cable.kind}{ROUTERS.index(router)}"


def mac(name: str) -> str:
    """Return the link address of a network card."""
    names = [card(cable, guest) for cable in CABLES for guest in cable.ends]
    return f"52:54:00:00:00:{names.index(name) + 1:02x}"
