"""Listings that are interrupted, cut short or refused by the kernel: asked again, or told."""

import errno
import struct

import pytest
from nf_messages import Kernel, message
from rtnetlink import address, netlink, route, rule

from dualwan.errors import HostError, KernelError
from dualwan.handle import handle_event
from dualwan.host import lock, nfnetlink, prefix, rtnl
from dualwan.host.nfnetlink import DUMPS, Nfnetlink
from dualwan.host.rtnl import NetlinkDumpInterrupted, NetlinkError
from dualwan.model.event import Event

LISTINGS = {
    "addresses": lambda asks: asks.look(["wan0"]),
    "routes": lambda asks: asks.routes(),
    "rules": lambda asks: asks.rules(),
    "links": lambda asks: asks.all_tunnels(),
    "addresses of wan0": lambda asks: prefix.prefixes(asks.ipr, "wan0"),
    "IPv6 routes": lambda asks: prefix.has_default(asks.ipr, 2),
}
CALLS = {"links": "get_links", "routes": "get_routes", "rules": "get_rules"}


def asking(what, *errors):
    """Return an answer of ``what``, whose listing first ends with each of ``errors``, in turn."""
    asks = netlink(address("2001:db8:77:100::5", 2, 64), route(oif=7), rule(100, 100))
    name = CALLS.get(what) or ("get_routes" if "routes" in what else "get_addr")
    original, left = getattr(asks.ipr, name), list(errors)

    def listed(*words, **more):
        yield from original(*words, **more)
        if left:
            raise left.pop(0)

    setattr(asks.ipr, name, listed)
    return LISTINGS[what](asks)


@pytest.mark.parametrize("what", LISTINGS)
def test_an_interrupted_listing_is_asked_for_again(what):
    """A change came in between: some may be missing from it."""
    again = asking(what, *[NetlinkDumpInterrupted()] * (rtnl.DUMPS - 1))
    assert again == asking(what)


@pytest.mark.parametrize("what", LISTINGS)
def test_a_listing_that_is_always_interrupted_is_given_up(what):
    """In words, not as "Unknown error -1"."""
    with pytest.raises(KernelError, match=f"^{what}: other programs change them faster"):
        asking(what, *[NetlinkDumpInterrupted()] * rtnl.DUMPS)


@pytest.mark.parametrize("what", LISTINGS)
@pytest.mark.parametrize(
    "error",
    [
        NetlinkError(errno.EPERM),
        NetlinkError(errno.ENOMEM),
        OSError(errno.ENOBUFS, "No buffer space available"),
    ],
    ids=repr,
)
def test_a_listing_that_is_refused_is_told(what, error):
    """By the kernel, or by the socket before it."""
    with pytest.raises(KernelError, match=f"^{what}: (Operation|Cannot|No buffer)"):
        asking(what, error)


def test_a_socket_that_cannot_be_had_is_told(monkeypatch):
    """Too many open files."""

    def refused():
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("dualwan.host.netlink.IPRoute", refused)
    asks = netlink()
    asks._socket = None  # noqa: SLF001 - as before its first use
    with pytest.raises(KernelError, match=r"^rtnetlink: Too many open files$"):
        asks.routes()


# --- netfilter ---------------------------------------------------------------------------


def table(flags=2):
    """Return a message of a table whose name is t."""
    body = struct.pack("=BBH", 1, 0, 0) + struct.pack("=HH2s2x", 6, 1, b"t\0")
    return struct.pack("=IHHII", 16 + len(body), 10 << 8, flags, 1, 0) + body


def dumped(monkeypatch, *parts):
    """Return what a dump has of a kernel with these answers."""
    monkeypatch.setattr(nfnetlink.socket, "socket", Kernel(parts))
    with Nfnetlink() as ask:
        return ask.dump(nfnetlink.GET_TABLE)


DONE, INTERRUPTED = message(3, b"\0" * 4), 2 | 0x10


def test_an_interrupted_list_of_tables_is_asked_for_again(monkeypatch):
    """One message with the flag, or the end with it, is enough."""
    first = table(INTERRUPTED) + DONE
    assert len(dumped(monkeypatch, first, table() + table() + DONE)) == 2
    with pytest.raises(InterruptedError):
        dumped(monkeypatch, *[first] * DUMPS)


def test_a_list_that_ends_with_an_error_is_not_taken_for_whole(monkeypatch):
    """The kernel puts its error into the message that ends the list (netlink_dump)."""
    with pytest.raises(OSError, match="Cannot allocate memory") as caught:
        dumped(monkeypatch, table() + message(3, struct.pack("=i", -errno.ENOMEM)))
    assert caught.value.errno == errno.ENOMEM


# --- what depends on it -------------------------------------------------------------------


def test_a_lock_that_the_kernel_refuses_is_told(tmp_path, monkeypatch):
    """No locks available, say file systems of the network."""

    def refused(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", refused)
    with pytest.raises(HostError, match=r"lock: No locks available$"), lock.locked(tmp_path, 1):
        pass


def test_a_look_afterwards_that_fails_keeps_nothing_back(monkeypatch, log):
    """What was done is done: PPPoE is dialled; that nothing could be verified is told."""
    from machine import Machine, config  # noqa: PLC0415 - beside the real ones above

    machine = Machine("wan0", "lan0")
    usual = machine.observe

    def observe(reads):
        if machine.applied:
            raise KernelError("routes: Cannot allocate memory")
        return usual(reads)

    monkeypatch.setattr(machine, "observe", observe)
    with pytest.raises(HostError, match="routes: Cannot allocate memory"):
        handle_event(config(a="dial = false -> dial = true"), machine, Event.UP)
    assert machine.running == {"dsl-provider"}
    assert "Cannot allocate memory" in log[-1]
