"""The scope of an event, which slices it concerns, and the goal of each: up or down. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dualwan.config import Config
from dualwan.model.event import Event
from dualwan.model.observed import Observed, Reads
from dualwan.model.state import RunState
from dualwan.model.way import Kind, Way, of_kind
from dualwan.slices.slice import Remains, Slice


def scope(  # noqa: PLR0913 - each is a reason of its own
    event: Event,
    state: RunState,
    prefix: str,
    *,
    missing: bool,
    upgraded: bool,
    moved: bool = False,
) -> Event:
    """Return ``event``, or PREFIX_CHANGED if every slice is concerned.

    That is so if the line's ``prefix`` has changed since the last run, if a resource of ours is
    ``missing`` outside the event's scope (or a loaded table anywhere, because a flush of the
    ruleset removes all), if this program was ``upgraded`` since it brought up the router, or if a
    PPP session has ``moved`` to another interface. It applies only while the router is to be up,
    and to events that do not change that.
    """
    renumbered = bool(prefix and state.prefix and prefix != state.prefix)
    if (renumbered or missing or upgraded or moved) and state.wanted and event.wanted is None:
        return Event.PREFIX_CHANGED
    return event


def concerned(event: Event, slices: Iterable[Slice]) -> list[Slice]:
    """Return the ``slices`` in the scope of ``event``."""
    if event is Event.DOWN:
        return [one for one in slices if not one.closes]
    if event in (Event.BOOT, Event.POST_DOWN):
        return [one for one in slices if one.closes]
    if event.of_ppp:
        return [one for one in slices if one.serves_ppp]
    return list(slices)


def beyond(
    event: Event, mine: Sequence[Slice], slices: Iterable[Slice], state: RunState, *, edited: bool
) -> list[Slice]:
    """Return the ``slices`` besides ``mine`` to observe although ``event`` does not concern them.

    Those are slices that are cheap to observe: without a table of their own, or any if the ruleset
    was ``edited`` since every table was last seen as wanted. None while the router is not to be up.
    """
    if not state.wanted or event.wanted is not None:
        return []
    return [one for one in slices if one not in mine and (edited or one.table is None)]


def goals(event: Event, slices: Sequence[Slice], now: Remains) -> dict[str, bool]:
    """Return the goal of each slice by name: True for up, False for down.

    ``slices`` are those that ``event`` concerns. After ifdown the slice that closes the router
    stays while the WAN, a PPP session or a VPN is up, so that it opens last. A PPP session that was
    dialled without ifup gets the slices that serve it, and they go down with it. After a
    removal only the session's own event brings them back: what mends does not.
    """
    if event in (Event.REMOVE, Event.DOWN):
        return {one.name: False for one in slices}
    if event.wanted:
        return {one.name: True for one in slices}
    ppp = _has_session(now)
    if event not in (Event.PPP_UP, Event.PPP_DOWN, Event.POST_DOWN):
        ppp = ppp and bool(now.state.tables or now.state.applied)
    wanted = now.state.wanted and event is not Event.POST_DOWN
    vpns = (way.device for way in now.ways if way.vpn)
    leads_outside = any(map(now.observed.is_up, (now.wan, *vpns)))
    return {
        one.name: wanted
        or (ppp and one.serves_ppp)
        or (one.closes and leads_outside and _is_loaded(one, now.observed))
        for one in slices
    }


def in_standby(up: Mapping[str, bool], slices: Iterable[Slice], now: Remains) -> dict[str, bool]:
    """Return the goals ``up`` reduced to those of a standby: it is closed, and no more.

    While a PPP session is still being hung up, its packets are filtered and translated as before.
    """
    ppp = _has_session(now)
    return {
        one.name: up[one.name]
        and (one.closes or (ppp and one.table is not None and not one.optional))
        for one in slices
    }


def _has_session(now: Remains) -> bool:
    """Whether a PPP session is up; a VPN is no session, for nobody hangs it up."""
    sessions = (way for way in of_kind(now.ways, Kind.PPP) if not way.vpn)
    return any(now.observed.is_up(way.device) for way in sessions)


def _is_loaded(one: Slice, observed: Observed) -> bool:
    """Whether the slice's nft table is loaded."""
    return one.table is not None and any(
        table.name == one.table.name for table in observed.tables or ()
    )


def reads(
    slices: Sequence[Slice], config: Config | None, ways: tuple[Way, ...], state: RunState
) -> Reads:
    """Return what the host must observe for the plans of ``slices``.

    Without a configuration they only remove what the run state has noted.
    """
    wan, sysctls = "", list[str]()
    flowtable: tuple[str, ...] = ()
    if config is not None:
        wan = config.wan.interface
        sysctls = [name for one in slices for name in one.sysctls(config, ways)]
        flowtable = tuple(name for one in slices for name in one.flowtable(config))
    noted = (name for one in slices for name in state.sysctls.get(one.name, ()))
    devices = (wan, *(way.device for way in ways), *state.devices, *flowtable)
    return Reads(
        devices=tuple(dict.fromkeys(name for name in devices if name)),
        sysctls=tuple(dict.fromkeys((*sysctls, *noted))),
        tables=tuple(one.table for one in slices if one.table),
        routes=any(one.routes for one in slices),
        rules=any(one.rules for one in slices),
        ipv6_default=wan if any(one.ipv6_default for one in slices) else "",
        flowtable=flowtable,
    )
