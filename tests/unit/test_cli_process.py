"""The command as a process: without root, into a pipe, on a full disk."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dualwan import __version__

# Everything is loaded first: a checkout may lie where only its owner can read.
AS_USER = """
import difflib, encodings.ascii, os, nftables, syslog, tomli
import dualwan.host.kernel, dualwan.log, dualwan.report.plan, dualwan.report.status
import dualwan.commands.apply, dualwan.commands.look, dualwan.handle.trial
import dualwan.findings.ssh_session, dualwan.host.around.ssh_session
import dualwan.handle, dualwan.inspection, dualwan.host.surroundings, dualwan.findings
for one in dualwan.findings.ALL:
    dualwan.findings.finder(*one)
for module, name, _ in dualwan.handle.STAGES:
    dualwan.handle.stage(module, name)
from dualwan.cli import main
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
raise SystemExit(main())
"""


def as_user(*argv, config):
    """Run the command as a user without rights, on the machine itself."""
    return subprocess.run(
        [sys.executable, "-B", "-c", AS_USER, *argv],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env={
            **os.environ,
            "DUALWAN_CONFIG": str(config),
            "DUALWAN_RUN": str(config.parent / "run"),
        },
    )


@pytest.fixture(name="readable")
def _readable(config):
    """Return a configuration that any user can read."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield shutil.copy(config, Path(folder, "dualwan.toml"))


def test_a_dry_run_needs_no_root(readable):
    """It plans as far as the kernel answers and says what it could not see."""
    done = as_user("--dry-run", config=readable)
    assert done.returncode == 0
    for name in ("firewall", "snat", "pbr"):
        assert f"not seen: {name}: nft shows its tables to root only" in done.stdout
    assert "problem: the interface wan0 (wan.interface) does not exist" in done.stdout
    assert not (readable.parent / "run").exists()


def test_a_change_needs_root(readable):
    """Nothing is tried without; the reason is one line."""
    done = as_user(config=readable)
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "root" in done.stderr


def test_check_needs_neither_root_nor_kernel(readable):
    """A configuration can be checked anywhere; what drives the kernel is not even loaded."""
    code = (
        "import sys; from dualwan.cli import main; code = main(['check']);"
        "sys.exit(code or bool({'pyroute2', 'nftables', 'structlog'} & set(sys.modules)))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code],
            check=False,
            capture_output=True,
            env={**os.environ, "DUALWAN_CONFIG": str(readable)},
        ).returncode
        == 0
    )


def test_a_reader_that_has_seen_enough_is_no_error(readable):
    """`dualwan-hook --dry-run | head -1` ends quietly."""
    command = [sys.executable, "-m", "dualwan.cli", "mape", "2400:4050:5c71:af00::", "--json"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command,
        check=False,
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**os.environ, "DUALWAN_CONFIG": str(readable)},
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    "argv", [["check"], ["mape", "2400:4050:5c71:af00::", "--json"], ["--help"], ["--version"]]
)
def test_an_answer_that_cannot_be_written_is_4_and_one_line(readable, argv):
    """As `status --prometheus` into a file on a full disk: no traceback, and not 1."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dualwan.cli", *argv],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "DUALWAN_CONFIG": str(readable), "PYTHONUNBUFFERED": ""},
        )
    assert done.returncode == 4
    assert done.stderr == "dualwan-hook: standard output: No space left on device\n"


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "euc-jp"])
def test_a_letter_that_the_locale_has_not_is_no_fault(readable, encoding):
    """Such as one of a path; with the letters that it has, it is shown as it is."""
    path = readable.with_name("設定.toml")
    readable.rename(path)
    done = subprocess.run(
        [sys.executable, "-m", "dualwan.cli", "--config", str(path), "check"],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    shown = "設定" if encoding == "euc-jp" else "\\u8a2d\\u5b9a"
    assert f"{shown}.toml: in order" in done.stdout.decode(encoding)


@pytest.mark.parametrize("word", ["check", "--dry-run"])
def test_without_standard_output_it_does_its_work(readable, word):
    """As a daemon calls it that has closed its own; Python has no sys.stdout then."""
    command = 'exec "$0" -c "import dualwan.cli; dualwan.cli.run()" "$1" >&-'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, word],
        check=False,
        capture_output=True,
        env={
            **os.environ,
            "DUALWAN_CONFIG": str(readable),
            "DUALWAN_RUN": str(readable.parent / "run"),
        },
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--version"], 0, f"dualwan-hook {__version__}\n"),
        (["mape", "2001:db8::1"], 3, ""),
        (["--slice", "x"], 2, ""),
    ],
)
def test_the_command_ends_at_once_with_its_code_and_all_that_it_said(words, code, said):
    """Nothing is left in a buffer, although Python does not tidy up at its end."""
    ending = "import atexit, dualwan.cli; atexit.register(print, 'tidied up'); dualwan.cli.run()"
    done = subprocess.run(
        [sys.executable, "-c", ending, *words], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (code, said)
    assert bool(done.stderr) is bool(code)
