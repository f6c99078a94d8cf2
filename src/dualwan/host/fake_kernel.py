"""A kernel in memory with the habits of the real one.

It shows what was asked for and no more; what hangs on a device goes with it; a device that
is not there takes no address, route or sysctl, and one that is down no route; switching
forwarding on costs the IPv6 default route where accept_ra is not 2. It fails where the
machine can fail. Tests hold it against KernelHost by the same events in a network namespace.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from dualwan.errors import KernelError, RecordError
from dualwan.model.observed import Link, Observed, Reads, TableId
from dualwan.model.plan import Action, Step
from dualwan.model.resources import Address, Route, RouteRule, Solicitation, Sysctl, Tunnel
from dualwan.model.usage import Flow
from dualwan.nft.table import NftTable

# Sysctls that a new device has.
_OF_DEVICE = {"net/ipv6/conf/{}/accept_ra": "1", "net/ipv4/conf/{}/rp_filter": "1"}
# Where Observed has what is simply there or not.
_FIELDS: dict[type, str] = {
    Address: "addresses",
    Route: "routes",
    RouteRule: "rules",
    NftTable: "tables",
}
_FORWARDING = Sysctl("net/ipv6/conf/all/forwarding", "1")


class FakeKernel:
    """Holds what a kernel holds, and changes it step by step.

    state: what it holds; a table of ours there is intact unless somebody changed it.
    refuse: texts; a step whose text contains one of them fails, and the record of a table in
    whose path it is ("tables/dualwan_snat.json").
    """

    def __init__(self, state: Observed | None = None, refuse: Collection[str] = ()) -> None:
        self.state = state or Observed()
        self.refuse = refuse
        self.applied: list[Step] = []
        self.locked = False
        self.lost_ipv6_default = False
        self._records = {
            table.name: (replace(table, intact=True), table.source())
            for table in self.state.tables or ()
        }
        # What a test puts in.
        self.answering: set[str] = set()  # devices through which a ping is answered
        self.announced: dict[str, tuple[str, ...]] = {}  # prefixes, by device
        self.flows: tuple[Flow, ...] | None = None
        self.named_counts: dict[str, int] = {}
        self.element_counts: dict[str, int] = {}

    # --- what happens outside ------------------------------------------------------------

    def plug(self, device: str, kind: str = "", *, up: bool = True) -> None:
        """Let a device appear, with the sysctls that a new device has."""
        index = 1 + max((link.index for link in self.state.links.values()), default=0)
        sysctls = {name.format(device): value for name, value in _OF_DEVICE.items()}
        self.state = replace(
            self.state,
            sysctls={**self.state.sysctls, **sysctls},
            links={**self.state.links, device: Link(index, up, kind)},
        )

    def unplug(self, device: str) -> None:
        """Let a device disappear with all that hangs on it."""
        gone = {name.format(device) for name in _OF_DEVICE}
        self.state = replace(
            self.state,
            links=_without(self.state.links, {device}),
            sysctls=_without(self.state.sysctls, gone),
            addresses=tuple(item for item in self.state.addresses if item.device != device),
            tunnels=tuple(item for item in self.state.tunnels if item.name != device),
            routes=tuple(item for item in self.state.routes if item.device != device),
        )

    def switch(self, device: str, *, up: bool) -> None:
        """Set the administrative state of a device; what is down has no routes."""
        link = replace(self.state.links[device], up=up)
        self.state = replace(self.state, links={**self.state.links, device: link})
        if not up:
            self.state = replace(
                self.state,
                routes=tuple(item for item in self.state.routes if item.device != device),
            )

    def connect(self, address: str, device: str = "ppp0") -> None:
        """Let a PPP session come up with ``address``."""
        self.unplug(device)
        self.plug(device, "ppp")
        self.state = replace(
            self.state, addresses=(*self.state.addresses, Address(device, address))
        )

    def set_sysctl(self, name: str, value: str) -> None:
        """Let somebody else set a sysctl."""
        self.state = replace(self.state, sysctls={**self.state.sysctls, name: value})

    def flush_ruleset(self) -> None:
        """Let somebody else run `nft flush ruleset`."""
        self.state = replace(self.state, tables=())

    def edit_table(self, name: str) -> None:
        """Let somebody else change a table."""
        self.state = replace(
            self.state,
            tables=tuple(
                replace(table, intact=table.intact and table.name != name)
                for table in self.state.tables or ()
            ),
        )

    # --- the kernel ----------------------------------------------------------------------

    def observe(self, reads: Reads) -> Observed:
        """See Kernel."""
        state, wanted = self.state, {(table.family, table.name) for table in reads.tables}
        return Observed(
            links={name: link for name, link in state.links.items() if name in reads.devices},
            addresses=tuple(item for item in state.addresses if item.device in reads.devices),
            tunnels=tuple(item for item in state.tunnels if item.name in reads.devices),
            routes=state.routes if reads.routes else (),
            rules=state.rules if reads.rules else (),
            sysctls={name: value for name, value in state.sysctls.items() if name in reads.sysctls},
            tables=None
            if state.tables is None
            else tuple(
                self._as_loaded(item) for item in state.tables if (item.family, item.name) in wanted
            ),
            ipv6_default=state.ipv6_default and bool(reads.ipv6_default),
            legacy=state.legacy,
        )

    def _as_loaded(self, table: NftTable) -> NftTable:
        """Return a table as it was loaded: what nft lists tells only whether it still is."""
        unknown = NftTable(table.family, table.name, intact=False)
        loaded, listing = self._records.get(table.name, (unknown, ""))
        return replace(loaded, intact=table.intact and table.source() == listing)

    def table_names(self) -> frozenset[str] | None:
        """See Kernel."""
        tables = self.state.tables
        return None if tables is None else frozenset(table.name for table in tables)

    def apply(self, step: Step) -> None:
        """See Kernel."""
        if not self.locked:
            raise AssertionError("a step without the lock")
        self._refuse(step.text)
        item = step.resource
        if (
            isinstance(item, Sysctl)
            and step.action is Action.RESTORE
            and (item.name not in self.state.sysctls)
        ):
            return  # it went with its device
        gone = step.action is Action.REMOVE
        if not gone:
            self._check(item)
        self.applied.append(step)
        if field := _FIELDS.get(type(item)):
            self._put(field, item, gone=gone)
        match item:
            case Sysctl():
                self.set_sysctl(item.name, item.value)
                self._forwarding(item)
            case Tunnel():
                self._tunnel(item, gone=gone)
            case NftTable():
                self._record(item)
            case Solicitation():
                self.state = replace(self.state, ipv6_default=True)

    def _record(self, table: NftTable) -> None:
        path = f"tables/{table.name}.json"
        if any(one in path for one in self.refuse):
            raise RecordError(f"{path}: No space left on device")
        self._records[table.name] = (table, table.source())

    def _refuse(self, text: str) -> None:
        if any(one in text for one in self.refuse):
            raise KernelError(f"{text}: refused")

    def _check(self, item: Any) -> None:
        if isinstance(item, Sysctl) and item.name not in self.state.sysctls:
            raise KernelError(f"{item.text}: No such file or directory")
        device = getattr(item, "link", "") or getattr(item, "device", "")
        if device and device not in self.state.links:
            raise KernelError(f"the interface {device} does not exist")
        if isinstance(item, Route) and device and not self.state.links[device].up:
            raise KernelError(f"adding {item.text}: Network is down")

    def _put(self, field: str, item: Any, *, gone: bool) -> None:
        kept = tuple(there for there in getattr(self.state, field) or () if there.key != item.key)
        values: dict[str, Any] = {field: kept if gone else (*kept, item)}
        self.state = replace(self.state, **values)

    def _tunnel(self, item: Tunnel, *, gone: bool) -> None:
        if gone:
            self.unplug(item.name)
        elif item.name not in self.state.links:
            self.plug(item.name, "ip6tnl")
        self._put("tunnels", item, gone=gone)

    def _forwarding(self, item: Sysctl) -> None:
        """Lose the IPv6 default routes that were learned where accept_ra is not 2."""
        hearing = [
            value
            for name, value in self.state.sysctls.items()
            if name == "net/ipv6/conf/wan0/accept_ra"
        ]
        if item == _FORWARDING and "1" in hearing:
            self.state = replace(self.state, ipv6_default=False)
            self.lost_ipv6_default = True

    def prefixes(self, device: str) -> tuple[str, ...]:
        """See Kernel: what a test put into ``announced``."""
        return self.announced.get(device, ())

    def await_prefix(self, device: str, seconds: float) -> bool:
        """See Kernel: there or not, without a wait."""
        del seconds
        if self.locked:
            raise AssertionError("a wait while the lock is held")
        return bool(self.announced.get(device))

    def counts(self, table: TableId, elements: str) -> tuple[dict[str, int], dict[str, int]]:
        """See Kernel: what a test put in, while the table stands."""
        del elements
        if table.name in (self.table_names() or ()):
            return self.named_counts, self.element_counts
        return {}, {}

    def flows_from(self, address: str) -> tuple[Flow, ...] | None:
        """See Kernel: what a test put into ``flows``."""
        del address
        return self.flows

    def any_answers(self, device: str, hosts: Sequence[str]) -> bool:
        """See Kernel: for the devices that a test put into ``answering``."""
        return bool(hosts) and device in self.answering


def _without(mapping: Any, names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name not in names}
