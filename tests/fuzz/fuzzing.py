"""What a fuzzed function may do: end soon, with a result or a documented error, without effect."""

import atexit
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mutator

from dualwan.errors import DualwanError

DATA = Path(__file__).parents[1] / "data"
MEMORY = Path("/dev/shm")  # noqa: S108 - files of a case, which no disk has to take
ROOT = Path(tempfile.mkdtemp(prefix="dualwan-fuzz-", dir=MEMORY if MEMORY.is_dir() else None))
atexit.register(shutil.rmtree, ROOT, ignore_errors=True)
CPU_SECONDS = 2.0  # of one case: a thousand times what it takes
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
EFFECTS = (
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "os.utime", "os.kill", "os.killpg"),
    *("os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen"),
    *("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "syslog.syslog"),
)


class EffectError(BaseException):
    """Something outside was touched; nothing of ours may catch this."""


class HangError(BaseException):
    """A case takes too long."""


@dataclass(frozen=True)
class Target:
    """A function that reads what others have written.

    run: takes a case; its result is not looked at. samples: good ones, bytes, or with ``trees``
    data as of JSON. errors: those that its docstring names. printable: what is said in an error
    goes to a terminal as it is, for others than root have written it.
    """

    name: str
    run: Callable
    samples: tuple
    errors: tuple = (DualwanError,)
    trees: bool = False
    printable: bool = True

    def case(self, seed, at):
        """Return the input number ``at`` of ``seed``."""
        make = mutator.of_trees if self.trees else mutator.one
        return make(self.samples, seed, at, self.name)

    def complaint(self, case):
        """Return what is wrong with how the case ended, "" for nothing."""
        try:
            with alone():
                self.run(case)
        except self.errors as error:
            said = str(error)
            if "\n" in said or (self.printable and not said.isprintable()):
                return f"a message of more than a line, or with control characters: {said!a}"
        except HangError:
            return f"takes more than {CPU_SECONDS} s"
        except (Exception, EffectError, SystemExit) as error:  # noqa: BLE001 - this is asked for
            return f"{type(error).__name__}: {error!s:.200} {_where(error)}"
        return ""


@dataclass(frozen=True)
class FileTarget(Target):
    """A Target whose input stands in files; ``run`` takes the folder.

    paths: below the folder, each with the whole input, or its parts between "|" if it has any.
    variable: of the environment, that names the folder.
    """

    paths: tuple = ("file",)
    variable: str = ""

    def case(self, seed, at):
        """Return the folder with the input number ``at`` of ``seed``."""
        folder = ROOT / str(os.getpid()) / self.name
        parts = super().case(seed, at).split(b"|", len(self.paths) - 1)
        for number, path in enumerate(self.paths):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(parts[min(number, len(parts) - 1)])
            target.chmod(0o700)
        if self.variable:
            os.environ[self.variable] = str(folder)
        return folder


_inside = False


def _audit(event, arguments):
    if not _inside:
        return
    if event == "open":
        path, _, flags = arguments
        if isinstance(flags, int) and flags & WRITES and path not in ("/dev/null", os.devnull):
            raise EffectError(f"opened {path} for writing")
    elif event in EFFECTS:
        raise EffectError(f"{event} {arguments!r:.100}")


_hooked = []


@contextmanager
def alone():
    """Raise EffectError for an effect, HangError after CPU_SECONDS of the body."""
    global _inside  # noqa: PLW0603 - the audit hook of an interpreter cannot be taken away
    if not _hooked:
        sys.addaudithook(_audit)
        sys.dont_write_bytecode = True
        _hooked.append(True)
    before = signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    _inside = True
    try:
        yield
    finally:
        _inside = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _too_long(*_):
    raise HangError


def _where(error):
    """Return the last places of the program that a traceback names."""
    found, at = [], error.__traceback__
    while at:
        found.append(f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}")
        at = at.tb_next
    return " ".join(found[-4:])


def files(folder, pattern="*"):
    """Return the contents of the sample files in a folder of tests."""
    found = sorted(path for path in folder.rglob(pattern) if path.is_file())
    assert found, folder
    return tuple(path.read_bytes() for path in found)
