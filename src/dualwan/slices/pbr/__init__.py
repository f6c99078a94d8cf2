"""The pbr slice: policy-based routing; a connection is answered by the way it came. Pure.

Each PPP session has a routing table with a default route through its device. Two ip rules lead
there: by source address, for the router's own sockets, and by mark, for the answers of a server
behind the router, which carry its LAN address while they are routed. Only the first rule has the
session's address.

They override the default route alone. Before each of them, a rule for the same packets looks in
main and ignores default routes there: packets for which main has a more specific route (LAN, VPN, a
private network at the WAN) take that. So do the router's own ICMP errors, which have the mark of
the flow that they are about. Packets of other programs are not affected: their rules stay in force.

The reverse path filter of a session is off: it looks up the way back of a packet that is already
translated to a LAN address. Only main has that route, and the filter drops the packet while main
has no default route (MAP-E without its tunnel). The firewall drops sources that are ours or the
LAN's.

A softwire has a mark, a rule and a table too if it is not the default way, or if a failover could
reroute its connections.

With policies (pbr.policies) a way may have a second mark, for flows that take it or nothing: its
rules end in one that rejects. So do those for addresses that are routed to a way (pbr.routed).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dualwan.config import Config
from dualwan.frozen import replace
from dualwan.model.plan import Action, SlicePlan, diff, flow_steps, restore_steps, sysctl_steps
from dualwan.model.resources import MAIN, Resource, Route, RouteRule, Sysctl
from dualwan.model.state import RunState, keep_sysctls
from dualwan.model.way import Kind, Way, of_kind
from dualwan.slices import marks
from dualwan.slices.firewall import SLICE as FIREWALL
from dualwan.slices.pbr import alone, routed
from dualwan.slices.pbr.marking import TABLE, wanted_table
from dualwan.slices.slice import Remains, Situation, Slice
from dualwan.slices.tables import table_plan
from dualwan.slices.tunnel import LAST_METRIC, flows, is_tunnel_route, stand_in_metric
from dualwan.slices.tunnel.sysctls import RP_FILTER_OFF, rp_filter

NAME = "pbr"

# Routes in main of this prefix length or a shorter one are default routes or parts of one:
# IANA gives out nothing larger than a /8, and VPN clients write 0.0.0.0/1 and 128.0.0.0/1.
DEFAULT_LENGTH = 7


def sysctls(config: Config, ways: tuple[Way, ...]) -> tuple[str, ...]:
    """Return the names of the sysctls that the slice may set."""
    del config
    return tuple(rp_filter(way.device) for way in of_kind(ways, Kind.PPP))


def _wanted_resources(at: Situation) -> list[Resource]:
    ppp = [item for way in of_kind(at.ways, Kind.PPP) for item in _of_session(at, way)]
    softwires = [way for way in of_kind(at.ways, Kind.SOFTWIRE) if way.pinned]
    found = [
        *ppp,
        *(item for way in softwires for item in _of_softwire(way)),
        *alone.rules(at, _after_main),
        *routed.resources(at, _after_main),
    ]
    return [*dict.fromkeys(found)]  # the address of a session may also be routed to it


def _of_softwire(way: Way) -> list[RouteRule]:
    """Return the rules of a softwire; one by source too, unless it is the default way."""
    if way.default or way.softwire is None or not way.softwire.translated:
        return _by_mark(way)
    by_source = RouteRule(way.priority, way.table, way.address)
    return [*_after_main(way, by_source), *_by_mark(way)]


def _of_session(at: Situation, way: Way) -> list[Resource]:
    """Return the routes and rules of a PPP session; those with its address only if it has one."""
    address = at.observed.address_of(way.device)
    wanted: list[Resource] = []
    if way.chosen and way.no_fallback:
        wanted.append(Route(way.table, "", LAST_METRIC))
    if address:
        wanted += [
            Route(way.table, way.device),
            *_after_main(way, RouteRule(way.priority, way.table, address)),
        ]
        if way.stands_in:
            wanted.append(Route(MAIN, way.device, stand_in_metric(at.ways, way)))
    return [*wanted, *_by_mark(way)]


def _by_mark(way: Way) -> list[RouteRule]:
    mark = marks.of_way(way)
    return _after_main(way, RouteRule(way.priority + 1, way.table, mark=mark, mask=marks.MASK))


def _after_main(way: Way, rule: RouteRule) -> list[RouteRule]:
    """Return ``rule``, after one for the same packets that looks up specific routes in main."""
    return [replace(rule, priority=way.priority - 1, table=MAIN, suppress=DEFAULT_LENGTH), rule]


def _owned(remains: Remains) -> list[Resource]:
    """Return the routes and rules with our protocol number, except the tunnel slice's routes."""
    routes = (
        route for route in remains.observed.routes if not is_tunnel_route(route, remains.ways)
    )
    return [*routes, *remains.observed.rules]


def _originals(state: RunState, seen: Mapping[str, str]) -> dict[str, str]:
    """Return the noted originals of sessions whose filter is still off, as we have set it.

    With another value it is the sysctl of another session, on a later device of that name.
    """
    noted = state.sysctls.get(NAME, {})
    return {name: value for name, value in noted.items() if seen.get(name) == RP_FILTER_OFF}


def _addresses(rules: Iterable[RouteRule]) -> set[str]:
    """Return the sources of ``rules`` that are addresses, and no networks."""
    return {rule.source for rule in rules if "/" not in rule.source}


def _stale_addresses(at: Situation) -> set[str]:
    """Return the addresses whose flows are to be deleted.

    These are the addresses that a PPP session had before its present one. A session that is down
    has none: its flows are kept, because it may get the same address again. Present addresses of
    ways are never among them: an access concentrator may have given the softwire's address.

    Also addresses of any way whose flows could not be deleted before; that of a softwire even if it
    is the present one, because its ports are others (tunnel.flows). And addresses of sessions whose
    way was removed, or that another session has been given since, because that has other marks.
    """
    names = _names(at)
    gone = {had for name, had in at.state.sessions.items() if name not in names}
    stale: set[str] = set()
    for way in of_kind(at.ways, Kind.PPP):
        if at.observed.address_of(way.device):
            rules = [rule for rule in at.observed.rules if rule.table == way.table]
            stale |= _addresses(rules) - routed.sources(at.ways) | {
                at.state.sessions.get(way.name, "")
            }
    stale -= {way.address or at.observed.address_of(way.device) for way in at.ways}
    stale |= (gone | _handed_on(at)) - {way.address for way in at.ways}
    return (stale | (set(at.state.owed_flows) - _session_addresses(at))) - {""}


def _names(at: Situation) -> list[str]:
    return [way.name for way in of_kind(at.ways, Kind.PPP)]


def _session_addresses(at: Situation) -> set[str]:
    """Return the present addresses of the PPP sessions."""
    found = (at.observed.address_of(way.device) for way in of_kind(at.ways, Kind.PPP))
    return {address for address in found if address}


def bring_up(at: Situation) -> SlicePlan:
    """Return the steps that adapt routing to the PPP sessions as they are now."""
    seen = at.observed.sysctls
    names = sysctls(at.config, at.ways)
    wanted = [Sysctl(name, RP_FILTER_OFF) for name in names]
    nft, unobserved = table_plan(NAME, wanted_table(at.config, at.ways), TABLE.name, at.observed)
    remains = Remains(at.state, at.observed, at.config.wan.interface, at.ways)
    # A router that takes over has the other router's flows, whose addresses were right.
    takes_over = at.config.router.redundant and any(step.action is Action.ADD for step in nft)
    changed = set() if takes_over else routed.changed(at.state.routed, at.ways)
    routing = diff(_wanted_resources(at), _owned(remains))
    return SlicePlan(
        NAME,
        (
            *restore_steps(_originals(at.state, seen), names, seen),
            *sysctl_steps(wanted, seen),
            *nft,
            *routing,
            *flow_steps(_stale_addresses(at) | changed),
            *flows.forsaken(at, routing),
        ),
        unobserved=unobserved,
    )


def take_down(remains: Remains) -> SlicePlan:
    """Return the steps that remove the table, routes and rules, and the sessions' flows."""
    state, observed = remains.state, remains.observed
    nft, unobserved = table_plan(NAME, None, TABLE.name, observed)
    return SlicePlan(
        NAME,
        (
            *restore_steps(_originals(state, observed.sysctls), (), observed.sysctls),
            *nft,
            *diff([], _owned(remains)),
            *flow_steps(
                {
                    *state.sessions.values(),
                    *state.owed_flows,
                    *_addresses(observed.rules),
                }
            ),
        ),
        unobserved=unobserved,
    )


def _handed_on(at: Situation) -> set[str]:
    """Return the addresses that a session has now, and another one had when both were last seen."""
    found = set()
    for way in of_kind(at.ways, Kind.PPP):
        address, had = at.observed.address_of(way.device), at.state.sessions
        if address != had.get(way.name) and address in had.values():
            found.add(address)
    return found


def _note_up(state: RunState, at: Situation) -> RunState:
    """Note the address of each session that has one, and the numbers and routes of its flows."""
    now = {
        way.name: address
        for way in of_kind(at.ways, Kind.PPP)
        if (address := at.observed.address_of(way.device))
    }
    names, present = _names(at), _session_addresses(at)
    owed = tuple(item for item in state.owed_flows if item not in present)
    numbers = {way.name: way.number for way in at.ways if way.name in at.config.ways}
    state = keep_sysctls(state, NAME, sysctls(at.config, at.ways), at.observed.sysctls)
    return replace(
        state,
        sessions={name: had for name, had in state.sessions.items() if name in names} | now,
        owed_flows=owed,
        numbers=numbers,
        routed=routed.notes(at.ways),
    )


def _note_down(state: RunState) -> RunState:
    """Forget addresses and numbers, because the flows are gone from conntrack."""
    return replace(state, sessions={}, numbers={})


SLICE = Slice(
    NAME,
    bring_up,
    take_down,
    needs=FIREWALL.name,
    serves_ppp=True,
    table=TABLE,
    sysctls=sysctls,
    routes=True,
    rules=True,
    ipv6_default=True,
    note_up=_note_up,
    note_down=_note_down,
)
