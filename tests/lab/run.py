#!/usr/bin/python3
"""The simulated line's command: build the guest image, run the scenarios or the demo in it."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import image
import vm
from image import LabError
from recipe import SUITES
from report import Tally, read_junit

PYTEST = (
    *("/usr/bin/python3", "-B", "-u", "-m", "pytest", "-p", "no:cacheprovider", "-v", "--tb=short"),
    *("--color=no", "--durations=8", "-o", "addopts=", "-c", "/dev/null"),
    *("--rootdir", "/lab/checkout/tests/lab"),
)
SCENARIOS = "/lab/checkout/tests/lab/scenarios"
TEST_LIMIT_SECONDS = 900.0


def main() -> int:
    """Carry out the sub-command; its exit code."""
    arguments = _parse()
    try:
        return int(arguments.run(arguments))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function, text in (
        ("image", _image, "build the guest image unless it's cached"),
        ("test", _test, "run the scenarios in the guest"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--suite", choices=SUITES, default=SUITES[0])
        command.set_defaults(run=function)
        if name == "test":
            command.add_argument("--deb", type=Path, help="the package to test")
            command.add_argument("-k", metavar="EXPR", default="", help="as pytest's -k")
            command.add_argument("--keep", type=Path, help="leave logs and results in this folder")
    return parser.parse_args()


def _ensure_image(suite: str) -> image.Image:
    if image.is_cached(suite):
        return image.ensure(suite)
    print(f"building the guest image for {suite} (once; it is kept) ", end="", flush=True)
    built = image.ensure(suite, lambda elapsed: print(f"{elapsed:.0f}s ", end="", flush=True))
    print("done", flush=True)
    return built


def _image(arguments: argparse.Namespace) -> int:
    print(_ensure_image(arguments.suite).folder)
    return 0


def _test(arguments: argparse.Namespace) -> int:
    guest = _ensure_image(arguments.suite)
    selection = ["-k", arguments.k] if arguments.k else []
    steps: tuple[vm.Step, ...] = (
        {"argv": [*PYTEST, "--junitxml=/lab/results/junit-1.xml", *selection, SCENARIOS]},
    )
    results = vm.new_results_folder()
    try:
        files = (arguments.deb,) if arguments.deb else ()
        outcome = vm.run(guest, vm.Job(steps, TEST_LIMIT_SECONDS, files), results, _say)
        tally = sum((read_junit(file) for file in sorted(results.glob("junit-*.xml"))), Tally())
        print(
            f"the line on {arguments.suite}: {outcome.accelerator}, booted in "
            f"{outcome.boot_seconds:.0f} s, {outcome.seconds:.0f} s in all"
        )
        print(f"{arguments.suite}: {tally.passed} passed, {tally.failed} failed")
        return outcome.exit_code
    finally:
        if arguments.keep:
            shutil.copytree(results, arguments.keep, dirs_exist_ok=True)
        shutil.rmtree(results)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
