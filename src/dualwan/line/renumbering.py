"""A line that announces another prefix and says nothing of the one in use (RFC 8978). Pure.

After a power cut a router has forgotten which prefix it announced before, and after a change at
the provider it may never take the old one back. The addresses of the old prefix live on then, for
hours or days, and nothing comes back to them. Only what the line's own router says when it is
asked tells that from a second prefix of another device on the link.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from dualwan.model.state import RunState

MOST_ASKED = 64  # questions; the kernel makes addresses of 16 prefixes (sysctl max_addresses)


def in_use(state: RunState, prefixes: Collection[str], wan: str, fixed: Collection[str]) -> str:
    """Return the prefix that the softwire follows from, "" for none yet.

    That is the last one, or the one that the line's router announces in its place. While the line
    announces neither, the last one stays in use for a tunnel that stands; after an ifdown the line
    has to announce it anew, for nobody knows what the cable leads to by then. So it has to on
    another WAN.

    ``wan``: the interface. ``fixed``: the tunnels that follow from no prefix; whether they stand
    says nothing of one.
    """
    if state.successor in prefixes:
        return state.successor
    ends = {one.device for one in (*state.addresses, *state.found)}
    moved = bool(ends) and wan not in ends
    stands = not moved and any(name not in fixed for name in state.tunnels)
    return state.prefix if stands or state.prefix in prefixes else ""


def trusted(noted: Collection[str], now: Collection[str]) -> frozenset[str]:
    """Return the routers of the line: those of ``now`` that are ``noted``, of default routes.

    None of them left: the line has another router, if there is only one. Empty if it cannot be
    told which they are.
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
    """Return the one of ``others`` that takes the place of ``prefix``, "" for none.

    ``routers``: those of the line, who have all to have answered. ``said``: what they announce.
    """
    if not routers or any(router not in said for router in routers) or owners(prefix, said):
        return ""
    return next((other for other in others if owners(other, said)), "")


def questions(others: Collection[str], routers: Collection[str]) -> tuple[str, ...]:
    """Return a word for each pair of another prefix and a router that is asked about it."""
    return tuple(f"{other} {router}" for other in others for router in sorted(routers))


def with_asked(asked: Collection[str], fresh: Collection[str]) -> tuple[str, ...]:
    """Return the questions ``asked`` with the ``fresh`` ones at the end, the last MOST_ASKED."""
    kept = [one for one in asked if one not in fresh]
    return (*kept, *fresh)[-MOST_ASKED:]
