#!/usr/bin/python3
"""The simulated line's command: build the guest image, run the scenarios or the demo in it."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from pathlib import Path

import boots
import fetched
import image
import released
import two_routers
import vm
from image import LabError
from recipe import NEXT, SUITES
from report import Tally, read_junit

# A guest that hangs is ended. The longest run takes 45 min without KVM, and twice as long on a busy
# host.
TEST_LIMIT_SECONDS = 7200.0
DEMO_LIMIT_SECONDS = 600.0
SOAK_SECONDS = 40.0  # of one reconnect, at most, where there is no KVM
TAKEOVERS = 20
TAKEOVER_SECONDS = 120.0  # of one, at most, where there is no KVM and the host is busy


def main() -> int:
    """Carry out the sub-command; its exit code."""
    arguments = _parse()
    # If this process is ended by SIGTERM, so is the virtual machine.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
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
        ("two-routers", _two_routers, "two routers on the line, each a guest of its own"),
        ("demo", _demo, "install, use and remove the package on the line, step by step"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--suite", choices=(*SUITES, NEXT), default=SUITES[0])
        command.set_defaults(run=function)
        if name != "image":
            command.add_argument("--deb", type=Path, help="the package (default: newest in dist/)")
        if name in ("test", "two-routers"):
            command.add_argument("-k", metavar="EXPR", default="", help="as pytest's -k")
            command.add_argument("--keep", type=Path, help="leave logs and results in this folder")
        if name == "two-routers":
            many = "how often the cable of the active one is pulled in the end (%(default)s)"
            command.add_argument("--takeovers", type=int, default=TAKEOVERS, metavar="N", help=many)
        if name == "test":
            longest = "instead those that take long: README, pppd, a hard night, managers"
            command.add_argument("--long", action="store_true", help=longest)
            rest = "instead those that a run without it has on another suite"
            command.add_argument("--rest", action="store_true", help=rest)
            own = "instead: a set of docs/your-lan"
            command.add_argument("--your-lan", choices=boots.YOUR_LAN, help=own)
            command.add_argument("--soak", type=int, metavar="N", help="instead: N reconnects")
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
    boots.check_listed()
    guest = _ensure_image(arguments.suite)
    packages = [_package(arguments.deb)]
    if arguments.your_lan:
        packages += fetched.ensure(arguments.suite)
    elif not arguments.long and not arguments.soak:
        packages.append(released.ensure())  # "test_up" selects the scenarios of the upgrade too
    limit = TEST_LIMIT_SECONDS + SOAK_SECONDS * (arguments.soak or 0)
    return _show(arguments, guest, vm.Job(boots.steps(arguments), limit, tuple(packages)))


def _two_routers(arguments: argparse.Namespace) -> int:
    boots.check_listed()
    guest = _ensure_image(arguments.suite)
    packages = (_package(arguments.deb), *two_routers.packages(guest))
    environment = f"LAB_TAKEOVERS={arguments.takeovers}"
    scenarios = boots.scenarios(1, (boots.TWO_ROUTERS,), arguments.k, environment)
    serve = boots.module("guest.serve")
    limit = TEST_LIMIT_SECONDS + TAKEOVER_SECONDS * arguments.takeovers
    with two_routers.guests() as guests:
        job = two_routers.job(guests, scenarios, serve, limit, packages)
        return _show(arguments, guest, job)


def _show(arguments: argparse.Namespace, guest: image.Image, job: vm.Job) -> int:
    """Carry out a job of scenarios, and say how it went; its exit code."""
    results = vm.new_results_folder()
    try:
        outcome = vm.run(guest, job, results, _say)
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


def _demo(arguments: argparse.Namespace) -> int:
    started = time.monotonic()

    def say(line: str) -> None:
        elapsed = f"{time.monotonic() - started:4.0f} s  "
        print(elapsed + line[2:] if line.startswith("> ") else line, flush=True)

    package = _package(arguments.deb)
    say("> a Debian router with a simulated FLET'S line: provider, internet, one computer at home")
    guest = _ensure_image(arguments.suite)
    say("> starting it in a virtual machine; without KVM that takes half a minute")
    job = vm.Job((boots.module("guest.demo"),), DEMO_LIMIT_SECONDS, (package,))
    results = vm.new_results_folder()
    try:
        outcome = vm.run(guest, job, results, say)
    finally:
        shutil.rmtree(results)
    say(f"> done ({outcome.accelerator})")
    return outcome.exit_code


def _package(named: Path | None) -> Path:
    """The .deb to test: the one that's named, or the newest that was built."""
    if named:
        if not named.is_file():
            raise LabError(f"no such package: {named}")
        return named
    built = (vm.CHECKOUT / "dist").glob("dualwan-hook_*_all.deb")
    newest = max(built, key=lambda file: file.stat().st_mtime, default=None)
    if newest is None:
        raise LabError("no package in dist/: build it first (make deb), or name it with --deb")
    return newest


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
