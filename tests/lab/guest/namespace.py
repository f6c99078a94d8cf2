"""A network namespace of the guest: programs and sockets in it."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from guest import command

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@dataclass(frozen=True)
class Namespace:
    """A namespace by its name; the empty name is the guest's own, the router."""

    name: str

    def prefix(self) -> list[str]:
        """What to put before a command for it to run here."""
        return ["ip", "netns", "exec", self.name] if self.name else []

    def run(self, *argv: str, text: str | None = None, limit: float = 60) -> str:
        """Run a program here; its output, or CommandError."""
        return command.run([*self.prefix(), *argv], text=text, limit=limit)

    def attempt(self, *argv: str, limit: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a program here that may fail."""
        return command.attempt([*self.prefix(), *argv], limit=limit)

    def start(self, *argv: str) -> subprocess.Popen[bytes]:
        """Start a daemon here, detached from this process; its pid is the process's own."""
        return subprocess.Popen(
            [*self.prefix(), *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def ip(self, *lines: str) -> None:
        """Carry out several `ip` commands in one process."""
        where = ["-n", self.name] if self.name else []
        command.run(["ip", *where, "-batch", "-"], text="".join(f"{line}\n" for line in lines))

    def sysctl(self, **values: int) -> None:
        """Set sysctls below net, written with `__` for each dot."""
        with self.entered():
            for name, value in values.items():
                Path("/proc/sys/net", name.replace("__", "/")).write_text(str(value))

    def pids(self, *programs: str) -> list[int]:
        """The processes here that run one of `programs`."""
        listed = command.run(["ip", "netns", "pids", self.name]).split()
        found = []
        for pid in map(int, listed):
            try:
                name = Path(f"/proc/{pid}/comm").read_text().strip()
            except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                continue
            if name in programs:
                found.append(pid)
        return found

    def counters(self, table: str) -> dict[str, int]:
        """Return the packets of each named counter of an inet ``table``."""
        listing = json.loads(self.run("nft", "-j", "list", "counters", "table", "inet", table))
        return {
            item["counter"]["name"]: int(item["counter"]["packets"])
            for item in listing["nftables"]
            if "counter" in item
        }

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets that this thread opens in the block belong here, and stay so after it."""
        if not self.name:
            yield
            return
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        target = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(target)
            try:
                yield
            finally:
                _setns(home)
        finally:
            os.close(target)
            os.close(home)

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket that lives here."""
        with self.entered():
            return socket.socket(family, kind, protocol)


ROUTER = Namespace("")
