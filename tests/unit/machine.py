"""A router in memory that behaves as a kernel does, and the configuration that goes with it."""

from dataclasses import replace

from dualwan.config import from_text
from dualwan.errors import KernelError
from dualwan.host.fake import FakeHost
from dualwan.line import derive_line
from dualwan.model.observed import Link, Observed
from dualwan.model.resources import Address, Solicitation, Sysctl, Tunnel
from dualwan.nft.table import NftTable
from dualwan.reconcile import make_plan, reconcile
from dualwan.slices import firewall, pbr, snat, tunnel
from dualwan.slices.goals import NAMES

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
TABLES = {firewall.NAME: firewall.TABLE, snat.NAME: snat.TABLE, pbr.NAME: pbr.TABLE}
CE = "2001:db8:0:100:99:f000:0:100"
DEFAULTS = {"net/ipv6/conf/{}/accept_ra": "1", "net/ipv4/conf/{}/rp_filter": "1"}


def config(text=BASE, **changes):
    """Return the configuration of TEXT, where `key="old -> new"` changes a line of it."""
    for change in changes.values():
        old, new = change.split(" -> ")
        assert old in text
        text = text.replace(old, new)
    return from_text("dualwan.toml", text)


def wanted_tables(cfg, line=None):
    """Return the three nft tables that CFG asks for on LINE."""
    line = line or derive_line(cfg)
    return firewall.wanted(cfg, line), snat.wanted(cfg, line), pbr.wanted_table(cfg)


def plan_of(module, cfg, observed, up=True):
    """Return the plan of one slice."""
    return module.plan(cfg, derive_line(cfg), observed, up)


def wanted_of(module, cfg):
    """Return the nft table that one slice asks for."""
    return module.wanted(cfg, derive_line(cfg))


class CrashError(BaseException):
    """The process ended in the middle of a run: nothing of ours may catch this."""


class Machine(FakeHost):
    """A FakeHost with a kernel's own habits.

    It shows what KernelHost would show and no more; what hangs on a device goes with it; a
    device that is not there takes no address, route or sysctl; switching forwarding on
    costs the IPv6 default route where accept_ra is not 2.
    """

    def __init__(self, *devices):
        super().__init__(Observed(sysctls={"net/ipv6/conf/all/forwarding": "0",
                                           "net/ipv4/ip_forward": "0"}, ipv6_default=True))
        self.crash_after = None  # steps that succeed before one that does not
        self.refuse_after = None
        self.lost_ipv6_default = False
        for device in devices:
            self.plug(device)

    # --- what happens outside -------------------------------------------------------------

    def plug(self, device, kind="", up=True):
        """Let DEVICE appear, with the sysctls that a new device has."""
        index = 1 + max((link.index for link in self.state.links.values()), default=0)
        sysctls = {name.format(device): value for name, value in DEFAULTS.items()}
        self.state = replace(self.state, links={**self.state.links,
                                                device: Link(index, up, kind)},
                             sysctls={**self.state.sysctls, **sysctls})

    def unplug(self, device):
        """Let DEVICE disappear with all that hangs on it."""
        gone = {name.format(device) for name in DEFAULTS}
        self.state = replace(
            self.state,
            links=without(self.state.links, {device}),
            sysctls=without(self.state.sysctls, gone),
            addresses=tuple(item for item in self.state.addresses if item.device != device),
            routes=tuple(item for item in self.state.routes if item.device != device))

    def switch(self, device, up):
        """Set the administrative state of DEVICE; what is down has no routes."""
        link = replace(self.state.links[device], up=up)
        self.state = replace(self.state, links={**self.state.links, device: link})
        if not up:
            self.state = replace(self.state, routes=tuple(
                item for item in self.state.routes if item.device != device))

    def connect(self, address, device="ppp0"):
        """PPPoE comes up with ADDRESS."""
        self.unplug(device)
        self.plug(device, "ppp")
        self.state = replace(self.state, addresses=(*self.state.addresses,
                                                    Address(device, address)))

    def set_sysctl(self, name, value):
        """Somebody else sets a sysctl."""
        self.state = replace(self.state, sysctls={**self.state.sysctls, name: value})

    def flush_ruleset(self):
        """Somebody else runs `nft flush ruleset`."""
        self.state = replace(self.state, tables=())

    def edit_table(self, name):
        """Somebody else changes a table of ours."""
        self.state = replace(self.state, tables=tuple(
            replace(table, intact=table.intact and table.name != name)
            for table in self.state.tables))

    # --- the protocol ---------------------------------------------------------------------

    def observe(self, cfg, slices):
        """Show what KernelHost shows."""
        seen = {*cfg.wans, *self.state.memory.devices}
        routing = tunnel.NAME in slices or pbr.NAME in slices
        names = {*(tunnel.sysctl_names(cfg) if tunnel.NAME in slices else ()),
                 *(pbr.sysctl_names(cfg) if pbr.NAME in slices else ())}
        for owner in slices:
            names |= set(self.state.memory.sysctls.get(owner, {}))
        tables = {TABLES[name] for name in slices if name in TABLES}
        return replace(
            self.state,
            links={name: link for name, link in self.state.links.items() if name in seen},
            addresses=tuple(item for item in self.state.addresses if item.device in seen),
            tunnels=tuple(item for item in self.state.tunnels if item.name in seen),
            routes=self.state.routes if routing else (),
            rules=self.state.rules if pbr.NAME in slices else (),
            sysctls={name: value for name, value in self.state.sysctls.items() if name in names},
            tables=None if self.state.tables is None else tuple(
                self._as_noted(item) for item in self.state.tables if item.name in tables),
            ipv6_default=self.state.ipv6_default and tunnel.NAME in slices)

    def _as_noted(self, table):
        """A table as KernelHost shows it: its blocks are what was noted, nft tells only drift."""
        noted, listing = self.state.memory.tables.get(
            table.name, (NftTable(table.family, table.name), ""))
        return replace(noted, intact=self.listing(table.family, table.name) == listing)

    def listing(self, family, name):
        """Show how nft lists a table: what somebody changed shows."""
        return "".join(table.source() + ("" if table.intact else "# edited\n")
                       for table in self.state.tables or ()
                       if (table.family, table.name) == (family, name))

    def apply(self, step):
        """Do STEP as a kernel would, unless this run is to crash or be refused now."""
        assert self.locked
        for limit, error in (("crash_after", CrashError), ("refuse_after", KernelError)):
            left = getattr(self, limit)
            setattr(self, limit, left - 1 if left else None)
            if left == 0:
                raise error(step.text)
        item, gone = step.resource, step.sign == "-"
        self._check(item, gone)
        known = isinstance(item, Tunnel) and item.name in self.state.links
        if isinstance(item, Sysctl) and item.name not in self.state.sysctls:
            return  # it went with its device
        super().apply(step)
        if isinstance(item, Tunnel) and gone:
            self.unplug(item.name)
        elif isinstance(item, Tunnel) and not known:
            self.plug(item.name, "ip6tnl")
        elif isinstance(item, Solicitation):
            self.state = replace(self.state, ipv6_default=True)
        elif isinstance(item, Sysctl):
            self._forwarding(item)

    def _check(self, item, gone):
        if isinstance(item, Sysctl) and item.name not in self.state.sysctls and not gone:
            raise KernelError(f"{item.text}: No such file or directory")
        device = getattr(item, "link", "") or getattr(item, "device", "")
        if device and not gone and device not in self.state.links:
            raise KernelError(f"the interface {device} does not exist")

    def _forwarding(self, item):
        on = (item.name, item.value) == ("net/ipv6/conf/all/forwarding", "1")
        if on and self.state.sysctls.get("net/ipv6/conf/wan0/accept_ra") == "1":
            self.state = replace(self.state, ipv6_default=False)
            self.lost_ipv6_default = True


def without(mapping, names):
    """Return MAPPING less NAMES."""
    return {name: value for name, value in mapping.items() if name not in names}


def run(machine, cfg, *events, only=NAMES):
    """Let EVENTS happen; return what stood in the way."""
    return [problem for event in events
            for problem in reconcile(cfg, machine, event, only).problems]


def pending(machine, cfg, event, only=NAMES):
    """Return what another run of EVENT would change, as text."""
    return [f"{step.sign} {step.text}"
            for item in make_plan(cfg, machine, event, only).slices for step in item.changes]


def kernel_state(machine):
    """Return what the kernel holds, in no order, without the numbers of devices."""
    state = machine.state
    return (
        {name: (link.up, link.kind) for name, link in state.links.items()},
        set(state.addresses), set(state.tunnels), set(state.routes), set(state.rules),
        dict(state.sysctls), set(state.tables or ()))


def ours(machine):
    """Return what is left of this program in the kernel."""
    state = machine.state
    return (*state.tunnels, *state.routes, *state.rules, *(state.tables or ()),
            *(item for item in state.addresses if item.address == CE))
