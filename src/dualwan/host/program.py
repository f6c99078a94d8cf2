"""Run another program by argument list, without a shell, within a time limit."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dualwan.errors import HostError
from dualwan.words import say

LIMIT_SECONDS = 10.0  # none of these programs has to wait for anything
MAX_STDERR = 4096  # bytes of an error that are kept
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


def start(argv: Sequence[str], seconds: float) -> tuple[int, str]:
    """Run ``argv`` in a session of its own; return its exit code and stderr. Raises HostError.

    If it has not ended after ``seconds``, or when a signal ends the wait, it goes on running, and
    the code is 0.
    """
    with os.fdopen(os.memfd_create("stderr"), "w+b", buffering=0) as said:
        with _explaining(argv[0]):
            process = subprocess.Popen(  # noqa: S603 - an argument list of checked values
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
                env=ENVIRONMENT,
            )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return 0, ""
        said.seek(0)
        return code, said.read(MAX_STDERR).decode(errors="replace").strip()


def _complete(argv: Sequence[str], stdout: int) -> subprocess.CompletedProcess[str]:
    with _explaining(argv[0]):
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


@contextmanager
def _explaining(name: str) -> Iterator[None]:
    """Turn an error of starting the program ``name``, or of its limit, into a HostError."""
    try:
        yield
    except FileNotFoundError:
        raise HostError(say("{name} is not installed", name=name)) from None
    except OSError as error:
        raise HostError(
            say("{name} cannot be run: {reason}", name=name, reason=error.strerror)
        ) from None
    except subprocess.TimeoutExpired:
        raise HostError(
            say(
                "{name} did not end within {limit_seconds:.0f} s",
                name=name,
                limit_seconds=LIMIT_SECONDS,
            )
        ) from None
