"""A router in namespaces, and how long a program on it takes: to its last change, and to exit.

The time of the clock depends on what else the machine does; that of the processor hardly does.
"""

import os
import select
import socket
import subprocess
import time
from typing import NamedTuple

from line import CONFIG, PPPOE, Line

NETLINK_NETFILTER, NFNLGRP_NFTABLES = 12, 7
# RTNLGRP_ of IPv4 routes, rules and addresses, IPv6 addresses, sysctls of IPv4 and IPv6
RTNETLINK_GROUPS = (5, 7, 8, 9, 24, 25)
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 270, 1


class Took(NamedTuple):
    """What a program took, in seconds.

    state: to the last change in the kernel, None for none. end: to its exit. cpu: of the
    processor, in user and system mode, with its children.
    """

    state: float | None
    end: float
    cpu: float


class Listener:
    """Hears what the kernel says about changes in one namespace."""

    def __init__(self, space):
        self._sockets = [
            space.call(self._open, socket.NETLINK_ROUTE, RTNETLINK_GROUPS),
            space.call(self._open, NETLINK_NETFILTER, (NFNLGRP_NFTABLES,)),
        ]

    @staticmethod
    def _open(protocol, groups):
        made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        made.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
        made.bind((0, 0))
        for group in groups:
            made.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        made.setblocking(False)
        return made

    def drain(self):
        """Read what is there; return whether anything was."""
        found = False
        for made in self._sockets:
            try:
                while made.recv(1 << 16):
                    found = True
            except BlockingIOError:
                pass
            except OSError:  # more than the buffer holds
                found = True
        return found

    def close(self):
        """Stop listening."""
        for made in self._sockets:
            made.close()

    def watch(self, process, began):
        """Return the seconds from BEGAN to the last change (None for none) and to the end."""
        ended = os.pidfd_open(process.pid)
        last = None
        try:
            while True:
                ready, _, _ = select.select([*self._sockets, ended], [], [])
                now = time.monotonic()
                if self.drain():
                    last = now - began
                if ended in ready:
                    return last, now - began
        finally:
            os.close(ended)


class Side:
    """A router in namespaces, and a way to time what runs on it."""

    def __init__(self, folder):
        folder.mkdir()
        self.line = Line(folder, CONFIG)
        self.line.router.ip(f"address del {PPPOE}/32 dev ppp0")
        self.listener = Listener(self.line.router)

    def time(self, argv, **environ):
        """Run ARGV on the router; return what it Took."""
        self.listener.drain()
        environment = {
            "PATH": os.environ["PATH"],
            "DUALWAN_CONFIG": str(self.line.config),
            "DUALWAN_RUN": str(self.line.run_directory),
            "DUALWAN_STATE": str(self.line.state),
            **environ,
        }

        def start():  # in the namespace's own thread, whose namespace the child inherits
            began = time.monotonic()
            process = subprocess.Popen(
                argv,
                env={**environment, "BENCH_STARTED": str(began)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            return process, began

        process, began = self.line.router.call(start)
        to_state, to_end = self.listener.watch(process, began)
        self.said, errors = process.stdout.read(), process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        process.stderr.close()
        if process.returncode != 0 or (errors and b"is no IPv6 tunnel" not in errors):
            raise SystemExit(f"{argv}: {errors.decode()}")
        return Took(to_state, to_end, used.ru_utime + used.ru_stime)

    def connect(self, address):
        """Give PPPoE an ADDRESS, or none."""
        self.line.router.ip(
            "link set ppp0 down\naddress flush dev ppp0\n"
            + (f"link set ppp0 up\naddress add {address}/32 dev ppp0\n" if address else "")
        )

    def close(self):
        """Remove the namespaces."""
        self.listener.close()
        self.line.close()
