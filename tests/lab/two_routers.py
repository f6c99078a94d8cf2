"""Three guests: two routers, and the line, to which each is joined by cables that can be pulled.

A cable is a pair of connected UDP sockets of 127.0.0.1: packets that the other end does not take
are lost, as on a real cable. Over one stream each, the line tells a router which commands to run,
and its QEMU what to do. All sockets are made here and inherited, so nothing else on this machine
can reach them.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import image
import vm
from guest.cables import CABLES, ROUTERS, Cable, card, mac

# Routers have little memory in practice.
ROUTER_MEGABYTES, LINE_MEGABYTES = 768, 1024
PROGRAMS = ("keepalived", "conntrackd")


def packages(guest: image.Image) -> tuple[Path, ...]:
    """Return Debian's packages of PROGRAMS, and their dependencies that the image lacks.

    They are cached beside the images.
    """
    cache = image.cache_folder()
    folder = cache / f"{guest.folder.name}-two-routers"
    with image.locked(cache / "two-routers.lock"):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(prefix=".two-routers-", dir=cache) as work:
                _download(guest, Path(work)).rename(folder)
    return tuple(sorted(folder.glob("*.deb")))


def _download(guest: image.Image, work: Path) -> Path:
    """Let apt get into ``work`` what it would install in the guest; return the folder."""
    archives = work / "cache/archives"
    for folder in (archives / "partial", work / "state/lists/partial"):
        folder.mkdir(parents=True)
    look = ["debugfs", "-R", "cat /var/lib/dpkg/status", str(guest.disk)]
    (work / "status").write_text(image.output(look))
    (work / "sources.list").write_text(image.source(guest.suite) + "\n")
    options = {
        "APT::Architecture": "amd64",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Check-Valid-Until": "false",
        "Dir::Cache": work / "cache",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::Etc::SourceList": work / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State": work / "state",
        "Dir::State::Status": work / "status",
    }
    apt = ["apt-get", "-q", "-y", *(f"-o{name}={value}" for name, value in options.items())]
    image.output([*apt, "update"])
    image.output([*apt, "--no-install-recommends", "--download-only", "install", *PROGRAMS])
    return archives


@dataclass
class _Wiring:
    """QEMU's arguments that join the guests, by guest, and the file descriptors in them."""

    stack: ExitStack
    words: dict[str, list[str]]
    descriptors: dict[str, list[int]]

    def _end(self, guest: str, end: socket.socket) -> int:
        self.stack.enter_context(end)
        self.descriptors[guest].append(end.fileno())
        return end.fileno()

    def cable(self, cable: Cable) -> None:
        """Join two guests by a network card in each."""
        ends = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in cable.ends]
        for end in ends:
            end.bind(("127.0.0.1", 0))
        for end, other, guest in zip(ends, reversed(ends), cable.ends, strict=True):
            end.connect(other.getsockname())
            name, number = f"net{len(self.words[guest])}", self._end(guest, end)
            own = card(cable, guest)
            self.words[guest] += [
                *("-netdev", f"dgram,id={name},local.type=fd,local.str={number}"),
                *("-device", f"virtio-net-pci,id={own},netdev={name},romfile=,mac={mac(own)}"),
            ]

    def stream(self, guest: str) -> tuple[str, str]:
        """Open a stream from the line to ``guest``; return the two ends, as QEMU's chardevs."""
        named = []
        for name, end in zip((guest, "line"), socket.socketpair(), strict=True):
            chardev = f"wire{len(self.words[name])}"
            self.words[name] += ["-chardev", f"socket,id={chardev},fd={self._end(name, end)}"]
            named.append(chardev)
        return named[0], named[1]


@contextmanager
def guests() -> Iterator[dict[str, vm.Guest]]:
    """Make the cables and wires; yield the guests by name, valid within the block."""
    names = (*ROUTERS, "line")
    with ExitStack() as stack:
        wiring = _Wiring(stack, {name: [] for name in names}, {name: [] for name in names})
        for cable in CABLES:
            wiring.cable(cable)
        for name in ROUTERS:
            here, there = wiring.stream(name)
            wiring.words[name] += ["-device", f"virtserialport,chardev={here},name=lab.wire"]
            wiring.words["line"] += ["-device", f"virtserialport,chardev={there},name=lab.{name}"]
            here, there = wiring.stream(name)
            wiring.words[name] += ["-mon", f"chardev={here},mode=control"]
            power = f"virtserialport,chardev={there},name=lab.{name}-power"
            wiring.words["line"] += ["-device", power]
        yield {
            name: vm.Guest(
                name,
                LINE_MEGABYTES if name == "line" else ROUTER_MEGABYTES,
                tuple(wiring.words[name]),
                tuple(wiring.descriptors[name]),
            )
            for name in names
        }


def job(
    guests_by_name: dict[str, vm.Guest],
    scenarios: vm.Step,
    serve: vm.Step,
    limit_seconds: float,
    files: tuple[Path, ...],
) -> vm.Job:
    """Return the line's job, with the routers' jobs beside it; ``files``: what these install."""
    routers = tuple(
        vm.Job((serve,), limit_seconds, files, guests_by_name[name]) for name in ROUTERS
    )
    return vm.Job((scenarios,), limit_seconds, (), guests_by_name["line"], routers)
