"""The real machine in a namespace: each event in a child process that fails, or dies, at a call.

A call is one that another program could see or refuse: a netlink message, an nft transaction, a
write of a sysctl, a rename of a file, a lock. Before the call number ``at`` the child kills itself
with SIGKILL, or the call ends with an error of the kernel's.

The tunnel is an ifb device where this kernel has no ip6tnl: what the program says of the tunnel
is kept as its alias, and read from there, so that its own code does all the rest.
"""

import errno
import fcntl
import os
import pathlib
import pickle
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

import episode
import nftables  # noqa: F401 - loaded once, for every child
import structlog  # noqa: F401 - likewise

import dualwan.host.surroundings  # noqa: F401 - likewise
from dualwan import findings, handle
from dualwan.errors import KernelError
from dualwan.host import ndp, netlink, nfnetlink, nft, prefix
from dualwan.host.kernel import KernelHost
from dualwan.host.rtnl import IPRoute, NetlinkDumpInterrupted, NetlinkError
from dualwan.model.resources import Tunnel

for one in findings.ALL:  # loaded once, likewise
    findings.finder(*one)
for module, name, _ in handle.STAGES:
    handle.stage(module, name)

PLAIN = "kill"
CHANGE = ("EPERM", "EBUSY", "ENOENT", "ENOMEM", "EOPNOTSUPP", PLAIN)
READ = ("EPERM", "ENOMEM", "interrupted", PLAIN)
ROLES = {
    "change": CHANGE,  # by rtnetlink
    "look": ("EPERM", "ENOMEM", PLAIN),  # at one device
    "list": READ,
    "nfnetlink": ("EPERM", "ENOMEM", "EBUSY", "EINTR", PLAIN),
    "nft": CHANGE,
    "sysctl": ("EPERM", "EINVAL", PLAIN),
    "file": ("ENOSPC", "EROFS", PLAIN),
    "lock": ("ENOLCK", PLAIN),
    "solicitation": ("ENETUNREACH", PLAIN),
}
LISTS = ("get_links", "get_addr", "get_routes", "get_rules")


class Faults:
    """The calls so far, and the fault that comes at one of them."""

    def __init__(self, fault):
        self.at, self.kind = fault or (None, "")
        self.calls = []

    def call(self, role, text):
        """Count a call; return the error that it ends with, "" for none."""
        self.calls.append((role, text))
        if self.at != len(self.calls) - 1:
            return ""
        if self.kind == PLAIN:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.kind

    def raising(self, role, text):
        """Count a call; raise the OSError that it ends with."""
        if name := self.call(role, text):
            raise OSError(getattr(errno, name), os.strerror(getattr(errno, name)))


class Router:
    """pyroute2's socket, whose calls are counted, and which makes tunnels of its own kind."""

    def __init__(self, faults):
        self._faults, self._real = faults, IPRoute()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._real.close()

    def __getattr__(self, name):
        real = getattr(self._real, name)
        if name not in {*LISTS, "link_lookup", "link", "addr", "route", "rule"}:
            return real

        def call(*words, **more):
            verb = words[0] if words and name not in LISTS else ""
            looks = name == "link_lookup" or verb == "get" or (name == "get_links" and words)
            role = "look" if looks else "list" if name in LISTS else "change"
            kind = self._faults.call(role, f"{name} {verb}")
            if kind and name == "link_lookup":
                return []  # it takes any error for no device
            if kind == "interrupted":
                return _interrupted(real(*words, **more))
            if kind:
                raise NetlinkError(getattr(errno, kind))
            return self._link(*words, **more) if name == "link" else real(*words, **more)

        return call

    def _link(self, verb, **words):
        """Do as ``link``, with an ifb device in the place of a tunnel."""
        if words.get("kind") != "ip6tnl":
            return self._real.link(verb, **words)
        own = {key: words.pop(key) for key in [*words] if key.startswith("ip6tnl_")}
        alias = "ip6tnl {ip6tnl_link} {ip6tnl_local} {ip6tnl_remote}".format(**own)
        del words["kind"]
        if verb == "set":
            return self._real.link("set", ifalias=alias, **words)
        made = self._real.link("add", kind="ifb", **words)
        (index,) = self._real.link_lookup(ifname=words["ifname"])
        self._real.link("set", index=index, ifalias=alias)
        return made


def _interrupted(messages):
    yield from messages
    raise NetlinkDumpInterrupted


def _alias(message):
    return str(message.get_attr("IFLA_IFALIAS") or "").split()


def _kind(message, usual=netlink._kind):  # noqa: SLF001 - what it reads is the stand-in's
    return "ip6tnl" if _alias(message)[:1] == ["ip6tnl"] else usual(message)


def _tunnel(name, message, name_of):
    _, link, local, remote = _alias(message)
    up = bool(message["flags"] & netlink.IFF_UP)
    return Tunnel(name, local, remote, name_of(int(link)), int(message.get_attr("IFLA_MTU")), up=up)


def _count_netlink(faults):
    """Count each call of netlink and nft from now on."""
    netlink.IPRoute = prefix.IPRoute = lambda: Router(faults)
    netlink._kind, netlink._tunnel = _kind, _tunnel  # noqa: SLF001 - see above
    send, run, solicit = nfnetlink.Nfnetlink._send, nft.Nft._run, ndp.solicit  # noqa: SLF001 - see above

    def sent(self, kind, *rest):
        faults.raising("nfnetlink", f"nfnetlink {kind}")
        return send(self, kind, *rest)

    def ran(self, text):
        if not text.startswith("list") and (name := faults.call("nft", text.partition("\n")[0])):
            return -1, "", f"Error: Could not process rule: {os.strerror(getattr(errno, name))}"
        return run(self, text)

    def solicited(device):
        if name := faults.call("solicitation", device):
            raise KernelError(f"router solicitation on {device}: {name}")
        return solicit(device)

    nfnetlink.Nfnetlink._send, nft.Nft._run, ndp.solicit = sent, ran, solicited  # noqa: SLF001 - see above


def _count_files(faults):
    """Count each rename, lock and write of a sysctl from now on."""
    replace, write, lock = os.replace, pathlib.Path.write_text, fcntl.flock

    def replaced(source, target):
        faults.raising("file", f"rename {pathlib.Path(target).name}")
        return replace(source, target)

    def written(self, text, **more):
        if str(self).startswith("/proc/sys"):
            faults.raising("sysctl", str(self))
        return write(self, text, **more)

    def locked(handle, how):
        if how == fcntl.LOCK_EX:
            faults.raising("lock", "flock")
        return lock(handle, how)

    os.replace, pathlib.Path.write_text, fcntl.flock = replaced, written, locked


def happen(event, text, fault):
    """Let an event happen in a child; return error, log and calls, or None if it was killed."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        faults = Faults(fault)
        try:
            _count_netlink(faults)
            _count_files(faults)
            done = episode.happen(KernelHost(), event, text)
            answer = done.error, done.log, faults.calls
        except BaseException as error:  # noqa: BLE001 - the test is to see it
            answer = f"unexpected {type(error).__name__}: {error}", (), faults.calls
        with os.fdopen(theirs, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert bool(data) is not killed
    return pickle.loads(data) if data else None  # noqa: S301 - from our own child


def main():
    """Answer requests until there are no more."""
    pipe = Connection(int(sys.argv[1]))
    with suppress(EOFError):
        while True:
            arguments = pipe.recv()
            try:
                pipe.send(happen(*arguments))
            except Exception as error:  # noqa: BLE001 - the test is to fail, not this process
                pipe.send(error)


if __name__ == "__main__":
    main()
