"""Run another program: by argument list, never through a shell, within a limit."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from dualwan.errors import HostError

LIMIT_SECONDS = 10.0  # none of the programs has anything to wait for
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


def run(argv: Sequence[str]) -> tuple[int, str]:
    """Return the exit code and what the program said on stderr; raises HostError.

    Its output is no pipe: pon leaves pppd behind, which would hold it open.
    """
    done = _complete(argv, subprocess.DEVNULL)
    return done.returncode, done.stderr.strip()


def output(argv: Sequence[str]) -> tuple[int, str, str]:
    """Return the exit code, what the program printed, and what it said on stderr."""
    done = _complete(argv, subprocess.PIPE)
    return done.returncode, done.stdout, done.stderr.strip()


def _complete(argv: Sequence[str], stdout: int) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - an argument list of checked values
            argv,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            timeout=LIMIT_SECONDS,
            check=False,
            env=ENVIRONMENT,
        )
    except FileNotFoundError:
        raise HostError(f"{argv[0]} is not installed") from None
    except OSError as error:
        raise HostError(f"{argv[0]} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise HostError(f"{argv[0]} did not end within {LIMIT_SECONDS:.0f} s") from None
