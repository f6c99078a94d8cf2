"""Boots the guest in QEMU, relays its output as it comes, and returns its exit code."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import accel
import recipe
from image import Image, LabError, cache_folder

CHECKOUT = Path(__file__).resolve().parents[2]
CONSOLE_TAIL = 25

Say = Callable[[str], None]
Step = dict[str, object]


@dataclass(frozen=True)
class Guest:
    """A machine: its host name, and the QEMU arguments for it alone, with their descriptors."""

    name: str = "router"
    memory_megabytes: int = 2048
    devices: tuple[str, ...] = ()
    descriptors: tuple[int, ...] = ()


@dataclass(frozen=True)
class Job:
    """What the guest is asked to do: steps in order; the guest ends with the last one.

    A step is {"argv": [...]}, which runs a program (and may "accept" exit codes other than 0), or
    {"reboot": true}. The guests of ``beside`` live as long; their results are in folders of their
    names.
    """

    steps: tuple[Step, ...]
    limit_seconds: float
    files: tuple[Path, ...] = ()
    guest: Guest = Guest()
    beside: tuple[Job, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a job ended."""

    exit_code: int
    accelerator: str
    seconds: float
    boot_seconds: float


@dataclass
class Machine:
    """One QEMU process; as a context manager it ends exactly that process.

    live: a file for the guest's output; without it `relay` passes the output on.
    """

    image: Image
    results: Path
    guest: Guest
    kvm: bool
    live: Path | None = None
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def console(self) -> Path:
        """What the guest's kernel and systemd print."""
        return self.results / "console.log"

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self._command(),
            # Never written to: at its end QEMU would take the live port for unplugged.
            stdin=subprocess.PIPE,
            stdout=self.live.open("wb") if self.live else subprocess.PIPE,
            pass_fds=self.guest.descriptors,
            stderr=(self.results / "qemu.log").open("wb"),
            env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"},
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def _command(self) -> list[str]:
        arguments = (
            "root=/dev/vda rootfstype=ext4 rw console=ttyS0 quiet loglevel=3 panic=5 net.ifnames=0 "
            "mitigations=off nokaslr audit=0 apparmor=0 random.trust_cpu=on fsck.mode=skip "
            f"systemd.show_status=0 rd.udev.log_level=3 systemd.hostname={self.guest.name}"
        )
        share = "security_model=none,multidevs=remap"
        return [
            "qemu-system-x86_64",
            *(accel.KVM if self.kvm else accel.TCG),
            *("-m", str(self.guest.memory_megabytes)),
            *("-nodefaults", "-display", "none", "-nic", "none"),
            *("-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd)),
            *("-append", arguments),
            *("-drive", f"file={self.image.disk},format=raw,if=virtio,snapshot=on,cache=unsafe"),
            *("-virtfs", f"local,path={CHECKOUT},mount_tag=checkout,readonly=on,{share}"),
            *("-virtfs", f"local,path={self.results},mount_tag=results,{share}"),
            *("-serial", f"file:{self.console}"),
            *("-device", "virtio-rng-pci", "-device", "virtio-serial-pci"),
            *("-chardev", "stdio,id=live,signal=off"),
            *("-device", "virtserialport,chardev=live,name=lab.live"),
            *self.guest.devices,
        ]

    def early_line_seen(self) -> bool:
        """Whether the guest has reached its early user space."""
        return self.console.exists() and recipe.EARLY_LINE in self.console.read_text(
            "utf-8", "replace"
        )

    def console_tail(self) -> str:
        """The last lines of the console, for a person to see where it stopped."""
        if not self.console.exists():
            return "(nothing)"
        lines = self.console.read_text("utf-8", "replace").splitlines()[-CONSOLE_TAIL:]
        return "\n".join(f"  | {line}" for line in lines)

    def relay(self, say: Say, until: float) -> float:
        """Pass on each line until the guest powers off; return the time of the first one.

        Raise LabError when `until` is reached; the caller then ends the process.
        """
        stdout = self.process.stdout
        assert stdout is not None
        os.set_blocking(stdout.fileno(), False)
        first = 0.0
        pending = b""
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while True:
                left = until - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise LabError(
                        "the guest did not end in time; its console said last:\n"
                        + self.console_tail()
                    )
                chunk = os.read(stdout.fileno(), 65536)
                if not chunk:
                    break
                first = first or time.monotonic()
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    say(line.decode("utf-8", "replace").rstrip("\r"))
        if pending:
            say(pending.decode("utf-8", "replace"))
        self.process.wait()
        return first


def run(image: Image, job: Job, results: Path, say: Say) -> Outcome:
    """Boot `image`, carry out `job`, pass its output to `say`, and put its files into `results`."""
    cache = cache_folder()
    started = time.monotonic()
    until = started + job.limit_seconds
    verdict = accel.kvm_verdict(cache)
    if verdict is not False:
        with _booted(image, job, results, kvm=True) as machine:
            works = verdict is True or _reaches_user_space(machine, accel.KVM_LIMIT_SECONDS)
            accel.remember_kvm(cache, works=works)
            if works:
                return _finish(machine, results, say, started, until)
    with _booted(image, job, results, kvm=False) as machine:
        if _reaches_user_space(machine, accel.TCG_LIMIT_SECONDS):
            return _finish(machine, results, say, started, until)
    say("the guest did not begin to boot; once more")
    with _booted(image, job, results, kvm=False) as machine:
        return _finish(machine, results, say, started, until)


@contextmanager
def _booted(image: Image, job: Job, results: Path, *, kvm: bool) -> Iterator[Machine]:
    """Start the guest of ``job`` and those beside it; yield the first."""
    _prepare(results, job, kvm=kvm)
    with ExitStack() as stack:
        for other in job.beside:
            folder = results / other.guest.name
            folder.mkdir()
            _prepare(folder, other, kvm=kvm)
            live = folder / "live.log"
            stack.enter_context(Machine(image, folder, other.guest, kvm=kvm, live=live))
        yield stack.enter_context(Machine(image, results, job.guest, kvm=kvm))


def new_results_folder() -> Path:
    """A folder of its own for one run."""
    return Path(tempfile.mkdtemp(prefix="dualwan-lab-"))


def _prepare(results: Path, job: Job, *, kvm: bool) -> None:
    for leftover in results.iterdir():
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()
    for file in job.files:
        shutil.copy(file, results / file.name)
    (results / "accelerator.txt").write_text("KVM" if kvm else "emulation")
    (results / "job.json").write_text(json.dumps(job.steps))


def _reaches_user_space(machine: Machine, seconds: float) -> bool:
    """Wait for the early line; the console is a file, which sends no event, so poll it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and machine.process.poll() is None:
        if machine.early_line_seen():
            return True
        time.sleep(0.1)
    return machine.early_line_seen()


def _finish(machine: Machine, results: Path, say: Say, started: float, until: float) -> Outcome:
    first = machine.relay(say, until)
    verdict = results / "exit.json"
    if not verdict.exists():
        qemu = (results / "qemu.log").read_text("utf-8", "replace").strip()
        raise LabError(
            f"the guest ended without a result. {qemu}\nIts console said last:\n"
            + machine.console_tail()
        )
    return Outcome(
        exit_code=int(json.loads(verdict.read_text())),
        accelerator="KVM" if machine.kvm else "software emulation",
        seconds=time.monotonic() - started,
        boot_seconds=max(0.0, first - started),
    )
