"""The real machine: netlink, nft, /proc/sys and a few programs behind one protocol."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dualwan.config import Config
from dualwan.errors import KernelError
from dualwan.host import nft_names, ping, pppd, prefix, store, xtables
from dualwan.host.netlink import Netlink
from dualwan.host.nft import Nft, Unseen
from dualwan.model.observed import Memory, Observed
from dualwan.model.plan import Step
from dualwan.model.resources import Address, Flows, Route, Rule, Solicitation, Sysctl, Tunnel
from dualwan.model.usage import Losses, Usage, flows
from dualwan.nft.table import NftTable
from dualwan.slices import firewall, pbr, snat, tunnel
from dualwan.slices.snat.names import NO_PORT, REFUSED, UNTRANSLATED

if TYPE_CHECKING:
    from dualwan.line.provisioning.answer import Known
    from dualwan.line.provisioning.cache import Book

RESOLVE_SECONDS = 5.0
PROC_SYS = Path("/proc/sys")
TABLES = {firewall.NAME: ("inet", firewall.TABLE), snat.NAME: ("ip", snat.TABLE),
          pbr.NAME: ("ip", pbr.TABLE)}
FILLED = (firewall.TABLE, snat.TABLE)  # packets fill sets of theirs


class KernelHost:
    """The machine at hand, in the network namespace of this process."""

    def __init__(self) -> None:
        self._netlink = Netlink()
        self._nft = Nft()

    def lock(self, seconds: float) -> AbstractContextManager[None]:
        """See Host."""
        return store.lock(seconds)

    def remembered(self) -> Memory:
        """See Host."""
        return store.read()

    def remember(self, notes: Memory) -> None:
        """See Host."""
        store.write(notes)

    def prefixes(self, device: str) -> tuple[str, ...]:
        """See Host."""
        return prefix.prefixes(self._netlink.ipr, device)

    def await_prefix(self, device: str, seconds: float) -> bool:
        """See Host."""
        return prefix.await_prefix(device, seconds)

    def resolve(self, name: str) -> str:
        """See Host."""
        from dualwan.host.remote import resolver  # noqa: PLC0415 - for DS-Lite by name only
        from dualwan.host.remote.deadline import Deadline  # noqa: PLC0415

        found = resolver.addresses(name, resolver.resolvers(), Deadline(RESOLVE_SECONDS))
        return min(found)

    def tell(self, path: str) -> str:
        """See Host."""
        from dualwan.host.remote import update_call  # noqa: PLC0415 - for IPIP only

        return update_call.call(update_call.read(Path(path)))

    def now(self) -> int:
        """See Host."""
        return int(time.time())

    def book(self) -> Book:
        """See Host."""
        from dualwan.host.remote import ask  # noqa: PLC0415 - loaded only by those who learn

        return ask.read()

    def keep(self, book: Book) -> None:
        """See Host."""
        from dualwan.host.remote import ask  # noqa: PLC0415

        ask.write(book)

    def ask(self, source: str, device: str, before: Known | None,
            seconds: float) -> tuple[str, int, str]:
        """See Host."""
        from dualwan.host.remote import ask  # noqa: PLC0415

        return ask.ask(source, device, before, seconds)

    def observe(self, config: Config, slices: Collection[str]) -> Observed:
        """See Host."""
        notes = store.read()
        links, addresses, tunnels = self._netlink.look(
            (*config.wans, *notes.devices))
        wan = links.get(config.wan.interface)
        wants_routes = tunnel.NAME in slices or pbr.NAME in slices
        return Observed(
            links=links,
            addresses=tuple(addresses),
            tunnels=tuple(tunnels),
            routes=tuple(self._netlink.routes()) if wants_routes else (),
            rules=tuple(self._netlink.rules()) if pbr.NAME in slices else (),
            sysctls=_sysctls(config, notes, slices),
            tables=self._tables(notes, slices),
            ipv6_default=(tunnel.NAME in slices and wan is not None
                          and prefix.has_default(self._netlink.ipr, wan.index)),
            legacy=xtables.tables(),
            memory=notes,
        )

    def _tables(self, notes: Memory, slices: Collection[str]) -> tuple[NftTable, ...] | None:
        found = []
        try:
            for family, name in (TABLES[item] for item in slices if item in TABLES):
                listing = self._nft.listing(family, name, name in FILLED)
                if listing:
                    table, loaded = notes.tables.get(name, (NftTable(family, name), ""))
                    found.append(replace(table, intact=listing == loaded))
        except Unseen:
            return None
        return tuple(found)

    def listing(self, family: str, name: str) -> str:
        """See Host."""
        try:
            return self._nft.listing(family, name, name in FILLED)
        except Unseen:
            return ""

    def standing(self) -> frozenset[str] | None:
        """See Host."""
        try:
            return nft_names.names()
        except OSError:  # not root: nobody can tell
            return None

    def apply(self, step: Step) -> None:
        """See Host."""
        if os.geteuid() != 0:
            raise KernelError(f"{step.text}: changing anything needs root")
        net, nft, gone = self._netlink, self._nft, step.sign == "-"
        match step.resource:
            case Sysctl() as item:
                (_restore_sysctl if gone else _write_sysctl)(item)
            case Address() as item:
                (net.remove_address if gone else net.set_address)(item)
            case Tunnel() as item:
                net.remove_link(item.name) if gone else net.set_tunnel(item)
            case Route() as item:
                (net.remove_route if gone else net.add_route)(item)
            case Rule() as item:
                (net.remove_rule if gone else net.add_rule)(item)
            case NftTable() as item:
                nft.remove(item.family, item.name) if gone else nft.load(item, _standing(step))
            case Flows() as item:
                pppd.forget_flows(item.address)
            case Solicitation() as item:
                _solicit(item.device)

    def usage(self, address: str) -> Usage | None:
        """See Host."""
        try:
            counted = self.losses()
        except Unseen:
            return None
        return Usage(flows(pppd.flows_from(address)), store.read().losses + counted)

    def losses(self) -> Losses:
        """See Host."""
        counters, refused = self._nft.counts(*TABLES[snat.NAME], REFUSED)
        return Losses(refused, counters.get(NO_PORT, 0), counters.get(UNTRANSLATED, 0))

    def any_answers(self, device: str, targets: Sequence[str]) -> bool:
        """See Host."""
        return ping.any_answers(device, targets)

    def dial(self, peer: str) -> bool:
        """See Host."""
        return pppd.dial(peer)

    def hang_up(self, peer: str, seconds: float) -> bool:
        """See Host."""
        return pppd.hang_up(peer, seconds)


def _standing(step: Step) -> NftTable | None:
    """The table that STEP replaces, None where it is not known for sure what stands there."""
    return step.was if isinstance(step.was, NftTable) and step.was.intact else None


def _sysctls(config: Config, notes: Memory, slices: Collection[str]) -> dict[str, str]:
    names = [*(tunnel.sysctl_names(config) if tunnel.NAME in slices else ()),
             *(pbr.sysctl_names(config) if pbr.NAME in slices else ())]
    for owner in slices:
        names += notes.sysctls.get(owner, {})
    found = {}
    for name in names:
        try:
            found[name] = (PROC_SYS / name).read_text(encoding="ascii").strip()
        except OSError:
            continue  # the device is not there
    return found


def _write_sysctl(sysctl: Sysctl) -> None:
    try:
        (PROC_SYS / sysctl.name).write_text(sysctl.value + "\n", encoding="ascii")
    except OSError as error:
        raise KernelError(f"{sysctl.text}: {error.strerror}") from None


def _restore_sysctl(sysctl: Sysctl) -> None:
    """Put a value back; one whose device is gone went with it."""
    if (PROC_SYS / sysctl.name).exists():
        _write_sysctl(sysctl)


def _solicit(device: str) -> None:
    """Send one router solicitation (RFC 4861 section 4.1): type 133, hop limit 255."""
    message = bytes([133, 0, 0, 0, 0, 0, 0, 0])  # the kernel fills in the checksum
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sender:
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            sender.sendto(message, ("ff02::2", 0, 0, socket.if_nametoindex(device)))
    except OSError as error:
        raise KernelError(f"router solicitation on {device}: {error.strerror}") from None
