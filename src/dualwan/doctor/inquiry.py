"""The questions of a diagnosis to the line. Pure.

Nothing outside the line is asked but the hosts of [wan] probe. The probes of the tunnel travel by
way of the border relay back to us: UDP from a port of our set to the same port of our shared
address. A relay returns them (hub and spoke, RFC 7597 section 8); for a probe with a hop limit of
one it returns an ICMP error. A relay drops packets with a port that is not the subscriber's (RFC
7597 section 8.1), so no probe reaches another line. With DS-Lite the AFTR's well-known address (RFC
6333 section 5.7) is pinged.
"""

from __future__ import annotations

from itertools import count

from dualwan.config import Config
from dualwan.config.mape import DsLite
from dualwan.doctor.check import Case
from dualwan.frozen import replace
from dualwan.line.role import stands_by
from dualwan.model.evidence import AskedWay, Inquiry, Probe
from dualwan.model.way import Softwire
from dualwan.result import Plan, session_address

AFTR = "192.0.0.1"
SMALL = 68  # bytes: what every link carries (RFC 791 section 3.2)
STEPS = (1452, 1440, 1420, 1400, 1380, 1360, 1340, 1320, 1300, 1280, 1240)  # bytes, below the MTU
_ECHO_ID = 1024  # an echo identifier; any will do for an address that is not shared


def inquiry(config: Config, plan: Plan) -> Inquiry:
    """Return the inquiry that fits ``plan``."""
    softwire, pppoe = plan.line.softwire, config.pppoe
    common = Inquiry(
        wan=config.wan.interface,
        tunnel=config.mape.tunnel,
        ppp=pppoe.interface,
        lan=(*config.lan.interfaces, *(name for one in config.zones for name in one.interfaces)),
        prefix_source=config.prefix_source,
        targets=tuple(map(str, config.wan.probe)),
        peer=pppoe.peer,
        discover=not session_address(plan),
        ways=_further(config, plan),
    )
    if softwire is None:
        return common
    if stands_by(config, plan.state):  # a standby asks only which machine has the CE
        return replace(common, ce=str(softwire.ce))
    return replace(
        common,
        ce=str(softwire.ce),
        br=str(softwire.br),
        ipv4=str(softwire.ipv4),
        probes=probes(softwire, config),
    )


def _further(config: Config, plan: Plan) -> tuple[AskedWay, ...]:
    """Return the further ways; the device is "" (no ping) for a way without an address."""
    found = (way for way in plan.line.ways if way.name in config.ways)
    return tuple(
        AskedWay(way.name, way.device if plan.observed.address_of(way.device) else "", way.peer)
        for way in found
    )


def probes(softwire: Softwire, config: Config) -> tuple[Probe, ...]:
    """Return the probes: two with one hop, one for a port of each block, one for each size."""
    numbers, mtu = count(), config.mape.mtu
    target, echo = str(softwire.ipv4), False
    if isinstance(config.mape, DsLite):
        target, echo = AFTR, True
    blocks = softwire.port_set.ranges() if softwire.port_set else ((_ECHO_ID, _ECHO_ID),)
    first = blocks[0][0]
    sizes = (mtu, *(size for size in STEPS if size < mtu))
    return (
        *(Probe(next(numbers), target, first, size, hops=1, echo=echo) for size in (SMALL, mtu)),
        *(Probe(next(numbers), target, low, SMALL, echo=echo) for low, _ in blocks),
        *(Probe(next(numbers), target, first, size, echo=echo) for size in sizes),
    )


def single_hop(case: Case) -> dict[int, bool]:
    """Return, by size in bytes, whether the relay reported the end of the single-hop probe."""
    heard = case.evidence.heard
    return {
        probe.size: heard is not None and probe.number in heard.stopped
        for probe in _sent(case)
        if probe.hops == 1
    }


def by_size(case: Case) -> dict[int, bool]:
    """Return by size in bytes whether a probe of it came back."""
    return {
        probe.size: _came_back(case, probe)
        for probe in _sent(case)
        if probe.hops > 1 and (probe.size != SMALL or _came_back(case, probe))
    }


def by_port(case: Case) -> dict[int, bool]:
    """Return by the first port of each block whether a probe of it came back."""
    return {
        probe.port: _came_back(case, probe)
        for probe in _sent(case)
        if probe.hops > 1 and probe.size == SMALL
    }


def _sent(case: Case) -> tuple[Probe, ...]:
    return probes(case.softwire, case.config) if case.softwire else ()


def _came_back(case: Case, probe: Probe) -> bool:
    heard = case.evidence.heard
    return heard is not None and probe.number in heard.returned
