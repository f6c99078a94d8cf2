"""A router in memory on which runs can be cut short, and the configuration that goes with it."""

from dualwan.config import from_text
from dualwan.errors import KernelError
from dualwan.host.fake import FakeHost
from dualwan.line import derive_line
from dualwan.model.observed import Observed
from dualwan.model.state import RunState
from dualwan.planning import make_plan
from dualwan.reconcile import reconcile
from dualwan.slices import Remains, Situation, firewall, goals, pbr, snat

BASE = """\
[wan]
interface = "wan0"

[lan]
interfaces = ["lan0"]

[mape]
provider = "manual"
br = "2001:db8:ffff::9"
ce = "2001:db8:0:100:99:f000:0:100"
ipv4 = "192.0.2.18"
psid = 1
psid-length = 6

[pppoe]
dial = false
"""
CE = "2001:db8:0:100:99:f000:0:100"


def config(text=BASE, **changes):
    """Return the configuration of TEXT, where `key="old -> new"` changes a line of it."""
    for change in changes.values():
        old, new = change.split(" -> ")
        assert old in text
        text = text.replace(old, new)
    return from_text("dualwan.toml", text)


def wanted_tables(cfg, line=None):
    """Return the three nft tables that CFG asks for on LINE."""
    ways = (line or derive_line(cfg)).ways
    return (
        firewall.wanted_table(cfg, ways),
        snat.wanted_table(cfg, ways),
        pbr.wanted_table(cfg, ways),
    )


def plan_of(module, cfg, observed, up=True, state=RunState()):  # noqa: B008 - frozen
    """Return the plan of one slice."""
    line = derive_line(cfg)
    if up:
        return module.bring_up(Situation(cfg, line, state, observed))
    return module.take_down(Remains(state, observed, cfg.wan.interface, line.ways))


def wanted_of(module, cfg):
    """Return the nft table that one slice asks for."""
    return module.wanted_table(cfg, derive_line(cfg).ways)


def look(machine, cfg, *mine):
    """Return what MINE, slices, see of the machine."""
    return machine.observe(goals.reads(mine, cfg, derive_line(cfg).ways, machine.run_state))


def marks_of(cfg):
    """Return the nft table of the pbr slice as text."""
    return pbr.wanted_table(cfg, derive_line(cfg).ways).source()


class CrashError(BaseException):
    """The process ended in the middle of a run: nothing of ours may catch this."""


class Machine(FakeHost):
    """A FakeHost with DEVICES, on which runs end before their time.

    crash_after: steps that succeed before the process is killed. refuse_after: steps that
    succeed before one that is refused.
    """

    def __init__(self, *devices):
        super().__init__(
            Observed(
                sysctls={"net/ipv6/conf/all/forwarding": "0", "net/ipv4/ip_forward": "0"},
                ipv6_default=True,
            )
        )
        self.crash_after = self.refuse_after = None
        self.killed = False
        for device in devices:
            self.plug(device)

    def apply(self, step):
        """Do STEP, unless this run is to crash or be refused now."""
        for limit, error in (("crash_after", CrashError), ("refuse_after", KernelError)):
            left = getattr(self, limit)
            setattr(self, limit, left - 1 if left else None)
            if left == 0:
                self.killed = error is CrashError
                raise error(step.text)
        super().apply(step)

    def lock(self, seconds):
        """Hold the lock for a run; whoever was killed has let go of it."""
        self.killed = False
        return super().lock(seconds)

    def save_state(self, state):
        """Keep STATE, unless the process is gone."""
        if self.killed:
            raise CrashError("the state is not written by who was killed")
        super().save_state(state)


def run(machine, cfg, *events, only=None):
    """Let EVENTS happen; return what stood in the way."""
    return [
        problem for event in events for problem in reconcile(cfg, machine, event, only).problems
    ]


def pending(machine, cfg, event, only=None):
    """Return what another run of EVENT would change, as text."""
    return [
        f"{step.sign} {step.text}"
        for item in make_plan(cfg, machine, event, only).slices
        for step in item.changes
    ]


def kernel_state(machine):
    """Return what the kernel holds, in no order, without the numbers of devices."""
    state = machine.state
    return (
        {name: (link.up, link.kind) for name, link in state.links.items()},
        set(state.addresses),
        set(state.tunnels),
        set(state.routes),
        set(state.rules),
        dict(state.sysctls),
        set(state.tables or ()),
    )


def ours(machine):
    """Return what is left of this program in the kernel."""
    state = machine.state
    return (
        *state.tunnels,
        *state.routes,
        *state.rules,
        *(state.tables or ()),
        *(item for item in state.addresses if item.address == CE),
    )
