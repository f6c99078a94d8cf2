"""The host on a real machine: one dispatcher over the other modules of this package."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dualwan.errors import HostError, KernelError
from dualwan.host import (
    main_default,
    managers,
    nfnetlink,
    nft_counts,
    nft_handles,
    nft_names,
    prefix,
    processes,
    run_files,
    store,
    sysctl,
    xtables,
)
from dualwan.host.kernel_line import KernelLine
from dualwan.host.kernel_role import KernelRole
from dualwan.host.kernel_trial import KernelTrial
from dualwan.host.lock import is_watched, locked
from dualwan.host.netlink_changes import NetlinkChanges
from dualwan.host.nft import Nft
from dualwan.host.tables import Tables
from dualwan.model.observed import Observed, Reads, TableId
from dualwan.model.plan import Action, Step
from dualwan.model.resources import (
    Address,
    Advertisement,
    CarriedFlows,
    Flows,
    InboundFlows,
    Route,
    RouteRule,
    Solicitation,
    Sysctl,
    Tunnel,
)
from dualwan.model.state import RunState
from dualwan.model.usage import Flow
from dualwan.nft.table import NftTable
from dualwan.words import say

if TYPE_CHECKING:
    from dualwan.config import Config
    from dualwan.model.evidence import Evidence, Inquiry
    from dualwan.model.log import LogLine
    from dualwan.model.ssh_session import SshSession
    from dualwan.model.surroundings import Surroundings
    from dualwan.notice.router import Router
    from dualwan.ppp.session import Session


class KernelHost(KernelLine, KernelTrial, KernelRole):
    """The machine that this process runs on, in its network namespace."""

    def __init__(self) -> None:
        self._netlink = NetlinkChanges()
        self._tables = Tables(Nft())

    # --- the kernel ----------------------------------------------------------------------

    def observe(self, reads: Reads) -> Observed:
        """See Kernel."""
        links, addresses, tunnels = self._netlink.look(reads.devices)
        asked = links.get(reads.ipv6_default)
        sysctls = sysctl.read(reads.sysctls)
        tables = self._tables.observe(reads.tables)
        return Observed(
            links=links,
            addresses=tuple(addresses),
            tunnels=tuple(tunnels),
            routes=tuple(self._netlink.routes()) if reads.routes else (),
            rules=tuple(self._netlink.rules()) if reads.rules else (),
            sysctls=sysctls,
            hearing=managers.hearing(sysctls),
            tables=tables,
            ipv6_default=(asked is not None and prefix.has_default(self._netlink.ipr, asked.index)),
            legacy=xtables.tables(),
            default_device=main_default.device() if reads.routes else "",
            flowtables=not reads.flowtable or _takes_flowtables(tables),
        )

    def table_names(self) -> frozenset[str] | None:
        """See Kernel."""
        try:
            return nft_names.names()
        except OSError:  # usually EPERM
            return None

    def ruleset_generation(self) -> int | None:
        """See Kernel."""
        try:
            return nft_handles.generation()
        except OSError:  # usually EPERM
            return None

    def apply(self, step: Step) -> None:
        """See Kernel."""
        if os.geteuid() != 0:
            raise HostError(say("{text}: changing anything needs root", text=step.text))
        net, gone = self._netlink, step.action is Action.REMOVE
        match step.resource:
            case Sysctl() as item:
                (sysctl.restore if step.action is Action.RESTORE else sysctl.write)(item)
            case Address() as item:
                (net.remove_address if gone else net.set_address)(item)
            case Tunnel() as item:
                net.remove_link(item.name) if gone else net.set_tunnel(item)
            case Route() as item:
                (net.remove_route if gone else net.add_route)(item)
            case RouteRule() as item:
                (net.remove_rule if gone else net.add_rule)(item)
            case NftTable() as item:
                self._tables.remove(item) if gone else self._tables.load(item, step.was)
            case Flows() | InboundFlows() as item:
                self._forget(item)
            case Solicitation() | Advertisement() | CarriedFlows() as item:
                self.help_along(item, gone=gone)

    def _forget(self, flows: Flows | InboundFlows) -> None:
        if isinstance(flows, Flows):
            from dualwan.host import conntrack  # noqa: PLC0415 - where an address has changed

            (conntrack.forget_udp if flows.udp else conntrack.forget_flows)(flows.address)
        else:
            from dualwan.host import inbound  # noqa: PLC0415 - where the firewall was missing

            inbound.forget(self._netlink, flows)

    def line_state(self, device: str) -> tuple[object, ...] | None:
        """See Kernel."""
        return prefix.line_state(self._netlink.ipr, device)

    def await_prefix(self, device: str, seconds: float) -> bool:
        """See Kernel."""
        return prefix.await_prefix(device, seconds)

    def counts(self, table: TableId, elements: str) -> tuple[dict[str, int], dict[str, int]]:
        """See Kernel."""
        try:
            return nft_counts.counts(table.family, table.name, elements)
        except (PermissionError, FileNotFoundError):
            return {}, {}
        except OSError as error:
            raise KernelError(f"nft table {table.family} {table.name}: {error.strerror}") from None

    def flows_from(self, address: str) -> tuple[Flow, ...] | None:
        """See Kernel."""
        from dualwan.host import conntrack  # noqa: PLC0415 - for status

        return conntrack.flows_from(address) if os.geteuid() == 0 else None

    def any_answers(self, device: str, hosts: Sequence[str]) -> bool:
        """See Kernel."""
        from dualwan.host import ping  # noqa: PLC0415 - for the probe

        return ping.any_answers(device, hosts)

    def evidence(self, inquiry: Inquiry) -> Evidence:
        """See Examination."""
        from dualwan.host.evidence import gather  # noqa: PLC0415 - for a diagnosis only

        return gather(self._netlink.ipr, inquiry)

    # --- run state -----------------------------------------------------------------------

    @contextmanager
    def lock(self, seconds: float) -> Iterator[None]:
        """See Store."""
        with nfnetlink.kept_open(), locked(run_files.directory(), seconds):
            self._tables.recording = True
            try:
                yield
            finally:
                self._tables.recording = False

    def load_state(self) -> RunState:
        """See Store."""
        return store.load_state()

    def save_state(self, state: RunState) -> None:
        """See Store."""
        store.save_state(state)

    def keep_config(self, config: Config) -> None:
        """See Store."""
        from dualwan.host import last_good  # noqa: PLC0415 - once all is applied

        last_good.save(last_good.encode(config))

    def is_watched(self) -> bool:
        """See Store."""
        return is_watched(run_files.directory())

    # --- PPP sessions --------------------------------------------------------------------

    def sessions(self) -> tuple[Session, ...]:
        """See Pppd."""
        return processes.sessions()

    def dial(self, peer: str, key: str) -> bool:
        """See Pppd. What starts a program is loaded only where one is to be started."""
        if processes.count(peer):
            return False
        from dualwan.host import pppd  # noqa: PLC0415 - see above

        return pppd.dial(peer, key)

    def runs(self, peer: str) -> bool:
        """See Pppd."""
        from dualwan.host import pppd  # noqa: PLC0415 - only the command needs it

        return pppd.runs(peer)

    def ask_to_end(self, peers: Collection[str]) -> None:
        """See Pppd."""
        from dualwan.host import pppd  # noqa: PLC0415 - only where there are several

        pppd.ask_to_end(peers)

    def hang_up(self, peer: str, seconds: float) -> bool:
        """See Pppd."""
        from dualwan.host import pppd  # noqa: PLC0415 - only ifdown and the command need it

        return pppd.hang_up(peer, seconds)

    def keep_one(self, peer: str) -> bool:
        """See Pppd."""
        if processes.count(peer) <= 1:
            return False
        from dualwan.host import pppd  # noqa: PLC0415 - only where there are two

        return pppd.keep_one(peer)

    # --- scripts of the owner ------------------------------------------------------------

    def has_scripts(self, folder: str, *, changed: bool) -> bool:
        """See Owner. Nothing is loaded for it."""
        known = os.path.exists(f"{run_files.directory()}/{run_files.SCRIPTS_KNOW}")  # noqa: PTH110 - pathlib takes longer
        if known or not changed:
            return known
        try:
            with os.scandir(folder) as entries:
                return next(entries, None) is not None
        except OSError:
            return False

    def tell_scripts(
        self, folder: str, look: Callable[[Router], Router], slices: Sequence[str], reason: str
    ) -> None:
        """See Owner."""
        from dualwan.host.notice import tell  # noqa: PLC0415 - only where there are scripts

        tell(folder, look, slices, reason)

    # --- other programs ------------------------------------------------------------------

    def surroundings(self, config: Config, *, at_event: bool = False) -> Surroundings:
        """See Neighbours."""
        from dualwan.host.surroundings import look  # noqa: PLC0415 - no event needs it

        return look(config=config, at_event=at_event)

    def log(self) -> tuple[LogLine, ...] | None:
        """See Neighbours."""
        from dualwan.host import own_log  # noqa: PLC0415 - no event needs it

        return own_log.lines()

    def ssh_session(self) -> SshSession | None:
        """See Neighbours."""
        from dualwan.host.around import ssh_session  # noqa: PLC0415 - no event needs it

        return ssh_session.look()


def _takes_flowtables(tables: Sequence[NftTable] | None) -> bool:
    from dualwan.host import flowtables  # noqa: PLC0415 - only where the owner wants one

    return flowtables.accepted(tables)
