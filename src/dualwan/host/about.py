"""The machine in a few words, for a report: release, kernel, programs."""

from __future__ import annotations

import platform
from pathlib import Path

from dualwan.errors import HostError
from dualwan.host import program

OS_RELEASE = Path("/etc/os-release")
_PROGRAMS = (("nft", "--version"), ("ip", "-V"), ("pppd", "--version"))


def release() -> str:
    """Return the name of the release, "" if it is unknown; os-release(5)."""
    try:
        lines = OS_RELEASE.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return ""
    names = [
        line.partition("=")[2].strip("\"'") for line in lines if line.startswith("PRETTY_NAME=")
    ]
    return names[-1] if names else ""


def kernel() -> str:
    """Return the release of the kernel, and the machine's architecture."""
    return f"{platform.release()} {platform.machine()}"


def programs() -> dict[str, str]:
    """Return the versions of the programs on which ours depends, as they report them."""
    found = {"python": platform.python_version()}
    for argv in _PROGRAMS:
        try:
            _, said, complaint = program.output(argv)
        except HostError as error:
            found[argv[0]] = str(error)
        else:
            found[argv[0]] = (said.strip() or complaint).split("\n", maxsplit=1)[0]
    return found
