"""Hooks whose package cannot be imported, or whose work dies: closed, not up, or silent."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from machine import BASE

HOOKS = Path(__file__).parents[2] / "hooks"
SOURCE = HOOKS.parent / "src"
PARTS = {  # what there is of the package
    "removed": (),
    "half installed": ("close", "package"),
    "an older one half unpacked": ("package",),
    "modules lost": ("close",),
}


@pytest.fixture(name="hook")
def _hook(tmp_path):
    """Return a function that runs a copy of a hook and returns its code and what it said.

    parts: of the package, of which no module can be imported. closed: the result of the program
    that closes, which says that it was called.
    """
    config = tmp_path / "dualwan.toml"
    config.write_text(BASE)

    def run(
        name, *arguments, folder="if-pre-up.d", parts=("close", "package"), closed=0, **environ
    ):
        program, package = tmp_path / "close", tmp_path / "dualwan"
        program.unlink(missing_ok=True)
        if "close" in parts:
            program.write_text(f'#!/bin/sh\necho "close $*" >&2\nexit {closed}\n')
            program.chmod(0o755)
        if package.exists():
            package.rmdir()
        if "package" in parts:
            package.mkdir()
        text = (HOOKS / name).read_text()
        for old, new in (
            ("/usr/libexec/dualwan-hook/close", program),
            ("/usr/share/dualwan-hook", tmp_path),
            ("/etc/dualwan/dualwan.toml", config),
        ):
            text = text.replace(f'"{old}"', f'"{new}"')
        (tmp_path / folder).mkdir(exist_ok=True)
        copy = tmp_path / folder / "00dualwan-hook"
        copy.write_text(text)
        done = subprocess.run(
            [sys.executable, "-I", copy, *arguments],
            check=False,
            capture_output=True,
            text=True,
            env=environ,
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize(
    ("parts", "interface", "code", "said"),
    [
        ("removed", "wan0", 0, ""),
        ("removed", "lan0", 0, ""),
        ("half installed", "wan0", 0, "close pre-up wan0\n"),
        ("half installed", "eth9", 0, "close pre-up eth9\n"),  # which knows whose it is
        ("modules lost", "wan0", 0, "close pre-up wan0\n"),
        ("an older one half unpacked", "wan0", 1, ""),
        ("an older one half unpacked", "lan0", 0, ""),
        ("an older one half unpacked", "eth9", 0, ""),
    ],
)
def test_before_ifup_removed_and_broken_are_told_apart(hook, parts, interface, code, said):
    """Removed is what has neither modules nor the program beside the hook."""
    assert hook("ifupdown", parts=PARTS[parts], IFACE=interface) == (code, said)
    in_turn = {"parts": PARTS[parts], "folder": "x", "IFACE": interface}
    assert hook("ifupdown", PHASE="pre-up", **in_turn) == (code, said)
    assert hook("ifupdown", PHASE="post-up", **in_turn) == (0, "")


def test_a_machine_that_is_not_closed_does_not_come_up(hook):
    """The code of the program is the hook's."""
    assert hook("ifupdown", closed=1, IFACE="wan0") == (1, "close pre-up wan0\n")
    assert hook("networkmanager", "wan0", "pre-up", closed=1) == (1, "close pre-up wan0\n")


@pytest.mark.parametrize("folder", ["if-up.d", "if-down.d", "if-post-down.d"])
@pytest.mark.parametrize("parts", PARTS)
def test_at_other_moments_a_broken_package_is_silent(hook, folder, parts):
    """One hook that fails would keep the others from their work."""
    assert hook("ifupdown", folder=folder, parts=PARTS[parts], IFACE="wan0") == (0, "")
    assert hook("ppp", folder="ip-up.d", parts=PARTS[parts], PPP_IFACE="ppp0") == (0, "")


@pytest.mark.parametrize("action", ["pre-up", "up", "pre-down", "down", "connectivity-change"])
@pytest.mark.parametrize("parts", PARTS)
def test_networkmanager_closes_before_up_alone(hook, action, parts):
    """It does not look at the code of a hook, so closing is all that can be done."""
    closes = action == "pre-up" and "close" in PARTS[parts]
    assert hook("networkmanager", "wan0", action, parts=PARTS[parts]) == (
        0,
        "close pre-up wan0\n" if closes else "",
    )


def test_without_an_interface_nothing_is_closed(hook):
    """Ifup does not run a hook like that; somebody may."""
    assert hook("ifupdown") == (0, "")
    assert hook("networkmanager") == (0, "")


# --- a package that is there -------------------------------------------------------------------

DYING = """\
import os, sys
sys.path[:0] = {path!r}
from dualwan import paths
paths.CONFIG = {config!r}
paths.RUN_DIR = paths.STATE_DIR = {folder!r}
import dualwan.hook
def run(*_):
    {how}
dualwan.hook._run = run
"""
HOWS = {
    "os.abort()": "ended by SIGABRT",
    "os.kill(os.getpid(), 9)": "ended by SIGKILL",
    "os._exit(3)": "ended by a library with exit code 3",
    "raise RuntimeError('odd')": "unexpected RuntimeError: odd",
    "import nowhere": "unexpected ModuleNotFoundError: No module named 'nowhere'",
    "raise SystemExit(0)": "unexpected SystemExit: 0",
}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("closed", [0, 1])
def test_a_hook_that_dies_leaves_the_machine_closed_or_down(tmp_path, how, closed):
    """Of libnftables, of the kernel or of a bug; every other event exits with 0, after a line."""
    (tmp_path / "dualwan.toml").write_text(BASE)
    program = tmp_path / "close"
    program.write_text(f'#!/bin/sh\necho "close $*" >&2\nexit {closed}\n')
    program.chmod(0o755)
    prologue = DYING.format(
        path=[str(SOURCE), *sys.path],
        config=str(tmp_path / "dualwan.toml"),
        folder=str(tmp_path),
        how=how,
    )
    text = (HOOKS / "ifupdown").read_text().replace("/usr/libexec/dualwan-hook/close", str(program))
    for folder, code in (("if-pre-up.d", closed), ("if-up.d", 0), ("if-down.d", 0)):
        (tmp_path / folder).mkdir()
        copy = tmp_path / folder / "00dualwan-hook"
        copy.write_text(prologue + text)
        done = subprocess.run(
            [sys.executable, "-B", copy],
            check=False,
            capture_output=True,
            text=True,
            env={"IFACE": "wan0", "PATH": os.environ["PATH"]},
        )
        assert done.returncode == code, done.stderr
        assert HOWS[how] in done.stderr
        assert ("close pre-up wan0\n" in done.stderr) is (folder == "if-pre-up.d")
