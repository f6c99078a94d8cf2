"""A running `dualwan-hook watch`, and what it costs."""

import subprocess
from contextlib import suppress
from pathlib import Path

from space import until

PROCESS = Path("/proc")


class Watching:
    """The watcher on a line's router, from when it listens and sleeps."""

    def __init__(self, line):
        self._line = line
        self._process = subprocess.Popen(
            line.command("watch"), env=line.environment(), stderr=subprocess.PIPE, text=True
        )
        try:
            assert until(self.is_idle), "it does not come to rest"
        except BaseException:
            self.close()
            raise

    @property
    def pid(self):
        """The process id."""
        return self._process.pid

    def is_idle(self):
        """Whether it has looked at everything, and sleeps without a child that looks again."""
        if self._process.poll() is not None:
            raise AssertionError(self._process.stderr.read())
        looked = self.looked()
        return (
            self._follows()
            and self._stat(self.pid)[0] == "S"
            and not any(self._stat(path.name)[1] == str(self.pid) for path in _processes())
            and self.looked() == looked  # no child has ended meanwhile
        )

    def _follows(self):
        """Whether it follows sysctls, which it does after the first look."""
        for one in (PROCESS / str(self.pid) / "fd").iterdir():
            with suppress(OSError):  # closed since
                if one.readlink().name == "anon_inode:inotify":
                    return True
        return False

    @staticmethod
    def _stat(pid):
        """Return what proc(5) says of a process from its state on; nothing if it has ended."""
        try:
            return (PROCESS / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ("", "")

    def looked(self):
        """Return a number that is another one after each look: page faults of its children."""
        return int(self._stat(self.pid)[8])

    def status(self, word):
        """Return a number of /proc/PID/status."""
        lines = (PROCESS / str(self.pid) / "status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith(f"{word}:")))

    def wakes(self):
        """Return how often it went to sleep: as often as it was woken."""
        return self.status("voluntary_ctxt_switches")

    def resident(self):
        """Return its resident memory in KB."""
        return self.status("VmRSS")

    def close(self):
        """End it."""
        self._process.terminate()
        self._process.wait(20)
        self._process.stderr.close()


def _processes():
    return [path for path in PROCESS.iterdir() if path.name.isdigit()]
