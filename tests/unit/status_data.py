"""A status to be shown: of a router that works, or whose rules somebody has flushed."""

from datetime import UTC, datetime

from machine import Machine, config
from machine import run as happen

from dualwan.model.event import Event
from dualwan.model.log import LogLine
from dualwan.model.usage import Flow, Losses, Usage
from dualwan.planning import make_plan
from dualwan.report import status

NOON = datetime(2026, 11, 26, 3, tzinfo=UTC)
LOG = (
    LogLine(NOON.timestamp() - 300, 7, False, "+ nft table ip x (cause=ifup slice=snat)"),
    LogLine(NOON.timestamp() - 120, 8, False, "+ rule 100: from a (cause=ppp-up slice=pbr)"),
    LogLine(NOON.timestamp() - 120, 8, False, "- rule 100: from b (cause=ppp-up slice=pbr)"),
)
FLOWS = (
    *(Flow("tcp", "192.168.1.5", "198.51.100.1", 443, 1024 + at) for at in range(950)),
    Flow("udp", "192.168.1.6", "198.51.100.2", 53, 1024),
)


def data(flushed=True):
    """Return the status of a router that works, or whose rules somebody has flushed."""
    machine, cfg = Machine("wan0", "lan0"), config()
    machine.connect("203.0.113.7")
    assert happen(machine, cfg, Event.APPLY) == []
    if flushed:
        machine.flush_ruleset()
    plan = make_plan(cfg, machine, Event.APPLY)
    used = Usage(FLOWS, Losses({"192.168.1.5": 3}))
    return status.as_data(cfg, plan, used, watched=True, log=LOG)
