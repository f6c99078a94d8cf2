"""A kernel in memory with the side effects of the real one.

It returns what was asked for and no more, in the kernel's order of listing. A missing device takes
no address, route or sysctl, and a device that is down no route. It fails where the machine can
fail. tests/netns/test_double.py compares it with KernelHost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from dualwan.errors import KernelError, RecordError
from dualwan.frozen import replace
from dualwan.host.fake_line import FakeLine
from dualwan.model.observed import Observed, Reads, TableId
from dualwan.model.plan import Action, Step
from dualwan.model.resources import (
    MAIN,
    Address,
    Advertisement,
    CarriedFlows,
    Flows,
    InboundFlows,
    Resource,
    Route,
    RouteRule,
    Solicitation,
    Sysctl,
    Tunnel,
)
from dualwan.model.usage import Flow
from dualwan.nft.table import NftTable

# By class, the field of Observed with all objects of it, each of which exists or does not.
_FIELDS: dict[type, str] = {
    Address: "addresses",
    Route: "routes",
    RouteRule: "rules",
    NftTable: "tables",
}
FULL = "No space left on device"
TABLE_HASH = 256  # FIB_TABLE_HASHSZ: the kernel lists routing tables by this remainder


class FakeKernel(FakeLine):
    """Changes what a kernel holds step by step.

    state: see FakeOutside.
    refuse: texts; a step whose text contains one of them fails. A mapping gives the reasons.
    tunnel_error: makes the error of a kernel without ip6_tunnel; None for a kernel with it.
    """

    def __init__(self, state: Observed | None = None) -> None:
        super().__init__(state)
        self.refuse: Collection[str] = ()
        self.tunnel_error: Callable[[Tunnel], str] | None = None
        self.applied: list[Step] = []
        self._records = {
            table.name: (replace(table, intact=True), table.source())
            for table in self.state.tables or ()
        }
        # Set by tests.
        self.answering: set[str] = set()  # devices by which a ping is answered
        self.flows: tuple[Flow, ...] | None = None
        self.named_counts: dict[str, int] = {}
        self.element_counts: dict[str, int] = {}

    # --- observing -----------------------------------------------------------------------

    def observe(self, reads: Reads) -> Observed:
        """See Kernel."""
        state = self.state
        return Observed(
            links={name: link for name, link in state.links.items() if name in reads.devices},
            addresses=self._addresses(reads.devices),
            tunnels=tuple(item for item in state.tunnels if item.name in reads.devices),
            routes=state.routes if reads.routes else (),
            rules=state.rules if reads.rules else (),
            sysctls={name: value for name, value in state.sysctls.items() if name in reads.sysctls},
            hearing={
                device: who
                for device, who in state.hearing.items()
                if state.sysctls.get(f"net/ipv6/conf/{device}/accept_ra") == "0"
            },
            tables=self._tables(reads.tables),
            ipv6_default=state.ipv6_default and bool(reads.ipv6_default),
            legacy=state.legacy,
            default_device=self._default_device() if reads.routes else "",
            flowtables=state.flowtables or not reads.flowtable,
        )

    def _default_device(self) -> str:
        """Return the device of the first default route: another program's before ours."""
        ours = [item for item in self.state.routes if item.table == MAIN]
        return self.state.default_device or next((item.device for item in ours), "")

    def _addresses(self, devices: Collection[str]) -> tuple[Address, ...]:
        """Return addresses as the kernel lists them: IPv4 first, then by device."""
        links = self.state.links
        return tuple(
            sorted(
                (item for item in self.state.addresses if item.device in devices),
                key=lambda item: (":" in item.address, links[item.device].index),
            )
        )

    def _tables(self, asked: Iterable[TableId]) -> tuple[NftTable, ...] | None:
        if self.state.tables is None:
            return None
        there = {(table.family, table.name): table for table in self.state.tables or ()}
        return tuple(
            self._as_loaded(there[table.family, table.name])
            for table in asked
            if (table.family, table.name) in there
        )

    def _as_loaded(self, table: NftTable) -> NftTable:
        """Return the table as loaded; the current one decides only ``intact``."""
        unknown = NftTable(table.family, table.name, intact=False)
        loaded, listing = self._records.get(table.name, (unknown, ""))
        return replace(loaded, intact=table.intact and table.source() == listing)

    def table_names(self) -> frozenset[str] | None:
        """See Kernel."""
        tables = self.state.tables
        return None if tables is None else frozenset(table.name for table in tables)

    def ruleset_generation(self) -> int | None:
        """See Kernel."""
        return None if self.state.tables is None else self.generation

    # --- changing ------------------------------------------------------------------------

    def apply(self, step: Step) -> None:
        """See Kernel."""
        if not self.locked:
            raise AssertionError("a step without the lock")
        item, gone = step.resource, step.action is Action.REMOVE
        if reason := self.refusal(step.text):
            raise KernelError(f"{_attempt(item, gone=gone)}: {reason}")
        if step.action is Action.RESTORE and getattr(item, "name", "") not in self.state.sysctls:
            return  # removed with its device
        if not gone or isinstance(item, Advertisement):  # who has it by now is asked there
            self._check(item)
        self.applied.append(step)
        match item:
            case Sysctl():
                self.set_sysctl(item.name, item.value)
            case Tunnel():
                self._tunnel(item, gone=gone)
            case NftTable():
                self._table(step, item, gone=gone)
            case Solicitation() if self.router_answers:
                self.advertise(item.device)
            case Address() | Route() | RouteRule():
                self._put(_FIELDS[type(item)], item, gone=gone)

    def refusal(self, text: str, usual: str = "refused") -> str:
        """Return why a step or a call with ``text`` is refused, "" where it is not."""
        for one in self.refuse:
            if one in text:
                return str(self.refuse[one]) if isinstance(self.refuse, Mapping) else usual
        return ""

    def _check(self, item: Resource) -> None:
        """Raise KernelError if the device or table that ``item`` needs is missing, or down."""
        links, device = self.state.links, getattr(item, "link", "") or getattr(item, "device", "")
        match item:
            case Sysctl() if item.name not in self.state.sysctls:
                raise KernelError(f"{item.text}: No such file or directory")
            case Solicitation() | Advertisement() if device not in links:
                raise KernelError(f"{item.text}: No such device")
            case Address() | Tunnel() | Route() if device and device not in links:
                raise KernelError(f"the interface {device} does not exist")
            case Address() if ":" in item.address and self._is_without_ipv6(device):
                raise KernelError(f"adding {item.text}: Permission denied")
            case Route() | Advertisement() if device and not links[device].up:
                raise KernelError(f"adding {item.text}: Network is down")
            case Tunnel() if self.tunnel_error:
                raise KernelError(self.tunnel_error(item))
            case Tunnel():
                for other in self.state.tunnels:
                    if other.name != item.name and other.ends == item.ends:
                        there = f"from {other.local} to {other.remote} already"
                        raise KernelError(f"{other.name} is a tunnel {there}")

    def _is_without_ipv6(self, device: str) -> bool:
        return self.state.sysctls.get(f"net/ipv6/conf/{device}/disable_ipv6") == "1"

    def _put(self, field: str, item: Any, *, gone: bool) -> None:
        """Insert ``item`` at the kernel's place in the list, or remove it."""
        if gone and isinstance(item, Address):
            self.lose_address(item)
            return
        there = list(getattr(self.state, field) or ())
        at = [number for number, one in enumerate(there) if one.key == item.key]
        if gone:
            there = [one for one in there if one.key != item.key]
        elif at:
            there[at[0]] = item
        elif isinstance(item, Route):  # before others of its metric
            there.insert(0, item)
            there.sort(key=lambda one: (one.table % TABLE_HASH, one.metric))
        elif isinstance(item, Address) and ":" in item.address:  # ipv6_link_dev_addr
            there.insert(0, item)
        else:
            there.append(item)
            if isinstance(item, RouteRule):
                there.sort(key=lambda one: one.priority)
        values: dict[str, Any] = {field: tuple(there)}
        if isinstance(item, Route) and not gone and (item.table, item.metric) == (MAIN, 0):
            values["default_device"] = ""
        self.state = replace(self.state, **values)

    def _tunnel(self, item: Tunnel, *, gone: bool) -> None:
        if gone:
            self.unplug(item.name)
        elif item.name not in self.state.links:
            self.plug(item.name, "ip6tnl")
        self._put("tunnels", item, gone=gone)

    def _table(self, step: Step, item: NftTable, *, gone: bool) -> None:
        """Load a table or remove it; only a table that is changed in place keeps its counters."""
        was_there = item.name in {table.name for table in self.state.tables or ()}
        self._put("tables", item, gone=gone)
        self.generation += 1
        in_place = isinstance(step.was, NftTable) and step.was.intact
        if not gone and not in_place and any(one.kind == "counter" for one in item.blocks):
            self.named_counts = dict.fromkeys(self.named_counts, 0)
            self.element_counts = {}
        if gone:
            self._records.pop(item.name, None)
        elif reason := self.refusal(f"tables/{item.name}.json", FULL):
            known = self._records.pop(item.name, None)
            if known and was_there:  # what has been loaded now is none of its own
                self._records[item.name] = known[0], ""
            raise RecordError(f"tables/{item.name}.json: {reason}")
        else:
            self._records[item.name] = (item, item.source())

    # --- reading what packets leave -----------------------------------------------------

    def counts(self, table: TableId, elements: str) -> tuple[dict[str, int], dict[str, int]]:
        """See Kernel: ``named_counts`` and ``element_counts``, while the table exists."""
        del elements
        if table.name in (self.table_names() or ()):
            return self.named_counts, self.element_counts
        return {}, {}

    def flows_from(self, address: str) -> tuple[Flow, ...] | None:
        """See Kernel: the attribute ``flows``."""
        del address
        return self.flows

    def any_answers(self, device: str, hosts: Sequence[str]) -> bool:
        """See Kernel: for the devices in ``answering``."""
        return bool(hosts) and device in self.answering


def _attempt(item: Resource, *, gone: bool) -> str:
    """Return the attempted step in words, as the real host begins its errors."""
    match item:
        case Flows():
            return f"forgetting flows of {item.address}"
        case InboundFlows():
            return "forgetting flows from outside"
        case CarriedFlows():
            return f"carrying on flows of {item.address}"
        case Tunnel():
            return f"removing {item.name}" if gone else f"setting up {item.text}"
        case Address() | Route() | RouteRule():
            return f"{'removing' if gone else 'adding'} {item.text}"
    return item.text
