"""A line that announces another prefix, and no longer the one in use (RFC 8978). Pure.

After a power cut a router may not know which prefix it announced before, and after a change at the
provider it may never withdraw the old one. The addresses of the old prefix then live on for hours
or days, but no answer reaches them. Another device on the link may announce a second prefix too;
only the line's own router, when asked, tells the two cases apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from dualwan.model.state import RunState

MOST_ASKED = 64  # questions; the kernel makes addresses of 16 prefixes (sysctl max_addresses)


def in_use(state: RunState, prefixes: Collection[str], wan: str, fixed: Collection[str]) -> str:
    """Return the prefix to derive the softwire from, "" for none yet.

    That is the last one, or the one that the line's router announces in its place. If the line
    announces neither, the last one stays in use while a tunnel exists. After an ifdown the line has
    to announce it again, because the cable may lead to another line by then. The same goes for
    another WAN.

    ``wan``: the interface. ``fixed``: names of the tunnels that depend on no prefix, which do not
    count.
    """
    if state.successor in prefixes:
        return state.successor
    ends = {one.device for one in (*state.addresses, *state.found)}
    moved = bool(ends) and wan not in ends
    stands = not moved and any(name not in fixed for name in state.tunnels)
    return state.prefix if stands or state.prefix in prefixes else ""


def trusted(noted: Collection[str], now: Collection[str]) -> frozenset[str]:
    """Return the routers of the line: those of ``now``, of default routes, that are ``noted``.

    If none of these is left and there is a single router, it is the line's new one. Empty if the
    routers of the line cannot be identified.
    """
    known = frozenset(noted) & frozenset(now)
    if known or len(now) != 1 or not noted:
        return known
    return frozenset(now)


def owners(prefix: str, said: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Return the routers that announce ``prefix``; ``said``: what each one announces."""
    return tuple(sorted(router for router, announced in said.items() if prefix in announced))


def successor(
    prefix: str,
    others: Sequence[str],
    routers: Collection[str],
    said: Mapping[str, Collection[str]],
) -> str:
    """Return the one of ``others`` that replaces ``prefix``, "" for none.

    ``routers``: those of the line, all of which must have answered. ``said``: what they announce.
    """
    if not routers or any(router not in said for router in routers) or owners(prefix, said):
        return ""
    return next((other for other in others if owners(other, said)), "")


def questions(others: Collection[str], routers: Collection[str]) -> tuple[str, ...]:
    """Return a word for each pair of a prefix and a router that is asked about it."""
    return tuple(f"{other} {router}" for other in others for router in sorted(routers))


def with_asked(asked: Collection[str], fresh: Collection[str]) -> tuple[str, ...]:
    """Return the questions ``asked`` with the ``fresh`` ones at the end, the last MOST_ASKED."""
    kept = [one for one in asked if one not in fresh]
    return (*kept, *fresh)[-MOST_ASKED:]
