"""The dialogue of init on a real terminal (a pty), as a program of its own."""

import os
import pty
import select
import signal
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
LIMIT = 60  # seconds; a slow machine needs a few
PATIENCE = 5  # seconds until a key is pressed again
# The machine that is found is this one; its interfaces do not matter to the answers.
PROGRAM = """\
import sys
from dualwan.host.around import setup
from dualwan.model.setup import Nic, SetupMachine
setup.look = lambda *_: SetupMachine(nics=(Nic("enp1s0", hears=True), Nic("enp3s0")))
from dualwan.cli import main
sys.exit(main(["init"]))
"""


class Dialogue:
    """The program on a terminal of its own."""

    def __init__(self, path):
        self.seen = ""
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a job in the background ignores it
            environment = {
                **os.environ,
                "DUALWAN_CONFIG": str(path),
                "PYTHONPATH": str(SOURCE),
                "TERM": "dumb",
            }
            os.execve(  # noqa: S606 - this interpreter, in the child of pty.fork
                sys.executable, [sys.executable, "-B", "-c", PROGRAM], environment
            )

    def wait_for(self, text):
        """Read until ``text`` is on the screen."""
        while text not in self.seen:
            assert self._read(), f"{text!r} did not come: {self.seen}"
        self.seen = self.seen.partition(text)[2]

    def _read(self):
        """Read what comes; return whether anything did, before the program has ended."""
        ready, _, _ = select.select([self.terminal], [], [], LIMIT)
        if not ready:
            os.kill(self.process, signal.SIGKILL)
            return False
        try:
            self.seen += os.read(self.terminal, 4096).decode()
        except OSError:  # the program has ended
            return False
        return True

    def type(self, text):
        """Type ``text``."""
        os.write(self.terminal, text.encode())

    def press(self, key):
        """Press ``key`` until the program has ended, with patience as a person has.

        Python sees a Ctrl-C that comes between a question and the reading of its answer only at
        the next key.
        """
        for _ in range(LIMIT // PATIENCE):
            self.type(key)
            while select.select([self.terminal], [], [], PATIENCE)[0]:
                if not self._read():
                    return

    def end(self):
        """Wait for the end; return the exit code and what was shown last."""
        while self._read():
            pass
        _, status = os.waitpid(self.process, 0)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status), self.seen


@pytest.fixture(name="dialogue")
def _dialogue(tmp_path):
    """Return a dialogue, and the path of what it writes."""
    path = tmp_path / "etc" / "dualwan.toml"
    return Dialogue(path), path


@pytest.mark.slow
def test_a_person_answers_and_agrees(dialogue):
    """Corrects a slip, takes proposals by Enter, and says yes."""
    screen, path = dialogue
    screen.wait_for("WAN, the interface of the line [enp1s0: hears")
    screen.type("enp 1\n")
    screen.wait_for("is no interface name")
    screen.type("\n")
    screen.wait_for("LAN, its interfaces")
    screen.type("enp3s0 br-*\n")
    screen.wait_for("Provider (auto, ")
    screen.type("\n")
    screen.wait_for("PPPoE peer (none) [dsl-provider]")
    screen.type("none\n")
    screen.wait_for(f"Write {path}? [y/n]:")
    assert not path.exists()
    screen.type("y\n")
    code, shown = screen.end()
    assert code == 0
    assert "written" in shown
    text = path.read_text()
    assert 'interfaces = ["enp3s0", "br-*"]' in text
    assert "dial = false" in text


@pytest.mark.slow
@pytest.mark.parametrize(("key", "code"), [("\x03", 130), ("\x04", 2)])
def test_a_key_ends_it_and_nothing_is_written(dialogue, key, code):
    """Ctrl-C and Ctrl-D, in the middle, without a traceback."""
    screen, path = dialogue
    screen.wait_for("WAN, the interface of the line")
    screen.type("\n")
    screen.wait_for("LAN, its interfaces")
    screen.press(key)
    ended, shown = screen.end()
    assert ended == code
    assert "nothing is written" in shown
    assert "Traceback" not in shown
    assert not path.parent.exists()
