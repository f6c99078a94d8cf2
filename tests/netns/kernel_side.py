"""The real machine as a process in a namespace, which does what it reads from a pipe.

A request is the name of a function below and its arguments; the answer is what it returns.
"""

import ctypes
import os
import resource
import signal
import struct
import sys
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection

import episode

from dualwan.host import conntrackd
from dualwan.host.kernel import KernelHost

conntrackd.CONFIG = "/none"  # its package may be installed here, and nobody runs it
HOST = KernelHost()
LIBC = ctypes.CDLL(None, use_errno=True)
CAPABILITIES = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
NET_ADMIN = 1 << 12


@contextmanager
def powerless():
    """Have no right to change the network, root or not (capabilities(7))."""
    head, rights = struct.pack("=Ii", CAPABILITIES, 0), ctypes.create_string_buffer(24)
    assert LIBC.capget(head, rights) == 0
    effective, *rest = struct.unpack("=6I", rights)
    assert LIBC.capset(head, struct.pack("=6I", effective & ~NET_ADMIN, *rest)) == 0
    try:
        yield
    finally:
        assert LIBC.capset(head, struct.pack("=6I", effective, *rest)) == 0


class Refused(KernelHost):
    """A machine whose kernel refuses the steps whose text contains one of some texts."""

    def __init__(self, texts):
        super().__init__()
        self.texts = texts

    def apply(self, step):
        """See Kernel."""
        if not any(text in step.text for text in self.texts):
            return super().apply(step)
        with powerless():
            return super().apply(step)


@contextmanager
def no_space():
    """Let no file grow, as on a full disk (setrlimit(2); Python ignores SIGXFSZ)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def happen(event, text, only, refused):
    """Let an event happen; return its outcome."""
    return episode.happen(Refused(refused) if refused else HOST, event, text, only)


def happen_on_full_disk(event, text):
    """Let an event happen while no file can be written; return its outcome."""
    with no_space():
        return episode.happen(HOST, event, text)


def happen_killed(event, text, at):
    """Let an event happen in a child, which is killed right after the step number ``at``."""
    child = os.fork()
    if child == 0:
        host = KernelHost()
        apply, done = host.apply, []

        def counted(step):
            if len(done) == at:
                os.kill(os.getpid(), signal.SIGKILL)
            apply(step)
            done.append(step)

        host.apply = counted
        with suppress(BaseException):
            episode.happen(host, event, text)
        os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def counts(table, elements):
    """Return what a table has counted."""
    return HOST.counts(table, elements)


def observe(reads):
    """Return what the machine shows."""
    return HOST.observe(reads)


def state():
    """Return the run state."""
    return episode.timeless(HOST.load_state())


def table_names():
    """Return the names of all nft tables."""
    return HOST.table_names()


def main():
    """Answer requests until there are no more."""
    pipe = Connection(int(sys.argv[1]))
    while True:
        try:
            name, arguments = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(globals()[name](*arguments))
        except Exception as error:  # noqa: BLE001 - the test is to fail, not this process
            pipe.send(error)


if __name__ == "__main__":
    main()
