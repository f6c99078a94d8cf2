"""Run another program by argument list, without a shell, within a time limit."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from dualwan.errors import HostError

LIMIT_SECONDS = 10.0  # none of these programs has to wait for anything
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


def run(argv: Sequence[str]) -> tuple[int, str]:
    """Run ``argv``; return its exit code and stderr. Raises HostError.

    stdout is /dev/null: pppd, which pon leaves running, would hold a pipe open.
    """
    done = _complete(argv, subprocess.DEVNULL)
    return done.returncode, done.stderr.strip()


def output(argv: Sequence[str]) -> tuple[int, str, str]:
    """Run ``argv``; return its exit code, stdout and stderr. Raises HostError."""
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
