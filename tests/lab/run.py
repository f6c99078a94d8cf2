#!/usr/bin/python3
"""The simulated line's command: build the guest image, run the scenarios or the demo in it."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fetched
import image
import released
import two_routers
import vm
from image import LabError
from recipe import NEXT, SUITES
from report import Tally, read_junit

GUEST_PYTHON = ("/usr/bin/python3", "-B", "-u")
PYTEST = (
    *(*GUEST_PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-v", "--tb=short"),
    *("--color=no", "--durations=8", "-o", "addopts=", "-c", "/dev/null"),
    # Nothing above this folder is read: the checkout's own conftest puts src/ before the package.
    *("--rootdir", "/lab/checkout/tests/lab", "--confcutdir", "/lab/checkout/tests/lab"),
)
SCENARIOS = "/lab/checkout/tests/lab/scenarios"
TEST_LIMIT_SECONDS = 3000.0
DEMO_LIMIT_SECONDS = 420.0
NO_TESTS_COLLECTED = 5

BOOKWORM, TRIXIE = SUITES
# In this order, so that the states that the scenarios need follow each other cheaply. A scenario
# with a suite runs on that one: what it shows hangs on no release, and an hour is short.
FIRST_BOOT = {
    "test_line_itself.py": SUITES,
    "test_wrong_configuration.py": SUITES,
    "test_up.py": SUITES,
    "test_outbound.py": SUITES,
    "test_inbound.py": SUITES,
    "test_nat.py": SUITES,
    "test_servers.py": SUITES,
    "test_routing.py": (BOOKWORM,),
    "test_reconnect.py": SUITES,
    "test_offload.py": SUITES,
    "test_hooks_d.py": (TRIXIE,),
    "test_others.py": (BOOKWORM,),  # its kernel is the older one
    "test_by_hand.py": SUITES,
    "test_try.py": (TRIXIE,),
    "test_down.py": SUITES,
    "test_never_open.py": (TRIXIE,),
    "test_prefix.py": SUITES,
    "test_modes.py": SUITES,
    "test_ways_fixed.py": SUITES,
    "test_ways_added.py": SUITES,
    "test_zones.py": (BOOKWORM,),
    "test_policies.py": (TRIXIE,),
    "test_provisioning.py": SUITES,
    "test_confined.py": SUITES,
    # Last, for they flush what is somebody else's too.
    "test_mending.py": (BOOKWORM,),
    "test_firewall.py": SUITES,
}
# Many reconnects, a run of its own (--soak N).
SOAK = "test_soak.py"
SOAK_SECONDS = 40.0  # of one reconnect, at most, where there is no KVM
# Two routers, each a guest of its own, in a run of theirs (two-routers).
TWO_ROUTERS = "test_two_routers.py"
TAKEOVERS = 20
TAKEOVER_SECONDS = 120.0  # of one, at most, where there is no KVM and the host is busy
# What takes long has a run of its own (--long): it needs an hour where there is no KVM.
LONG = (
    "test_readme.py",  # first: it installs the package, and purges it
    "test_ipsec.py",
    "test_pppd.py",
    "test_calls.py",
    "test_doctor.py",
    "test_hard_night.py",
    "test_offload_cost.py",  # shows figures, and holds nothing against them
)
# After the purge in the last boot: no other scenario runs with files of an earlier release.
UPGRADE = "test_upgrade.py"
# Each set of docs/your-lan has a run of its own (--your-lan SET), with a reboot in it.
HOUSEHOLD, CHANGES = "test_your_lan.py", "test_your_lan_changes.py"
FROM_OUTSIDE = "test_your_lan_from_outside.py"
YOUR_LAN = {  # the scenarios before the reboot, and those after it
    "bare-64": ((HOUSEHOLD, CHANGES), (HOUSEHOLD,)),
    "pd-dhcpcd": ((HOUSEHOLD, CHANGES), (HOUSEHOLD,)),
    "pd-networkd": ((HOUSEHOLD, CHANGES), (HOUSEHOLD,)),
    "from-outside": ((FROM_OUTSIDE,), (FROM_OUTSIDE,)),
}
LATER_BOOTS = ("test_boot.py", "test_package.py", "test_managers.py")
# How /etc/network/interfaces has the WAN come up in the boots after the first.
STARTS = ("auto", "allow-hotplug")
# What runs the network in the boots of --long after the first.
MANAGERS = (
    "dhcpcd",  # beside ifupdown, which the next one replaces
    "ifupdown-ng",
    "ifupdown2",
    "NetworkManager",
    "systemd-networkd",
)


def main() -> int:
    """Carry out the sub-command; its exit code."""
    arguments = _parse()
    # Ended from outside, the virtual machine ends as well.
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
            own = "instead: a set of docs/your-lan"
            command.add_argument("--your-lan", choices=YOUR_LAN, help=own)
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


def _check_listed() -> None:
    """Raise LabError for a file of scenarios that no boot runs."""
    listed = {
        *(*FIRST_BOOT, *LATER_BOOTS, *LONG, SOAK, TWO_ROUTERS, UPGRADE),
        *(HOUSEHOLD, CHANGES, FROM_OUTSIDE),
    }
    folder = Path(__file__).parent / "scenarios"
    missing = sorted({file.name for file in folder.glob("test_*.py")} - listed)
    if missing:
        raise LabError(f"no boot runs {', '.join(missing)}: FIRST_BOOT lacks it")


def _test(arguments: argparse.Namespace) -> int:
    _check_listed()
    guest = _ensure_image(arguments.suite)
    packages = [_package(arguments.deb)]
    if arguments.your_lan:
        packages += fetched.ensure(arguments.suite)
    elif not arguments.long and not arguments.soak:
        packages.append(released.ensure())  # "test_up" selects the scenarios of the upgrade too
    limit = TEST_LIMIT_SECONDS + SOAK_SECONDS * (arguments.soak or 0)
    return _show(arguments, guest, vm.Job(_steps(arguments), limit, tuple(packages)))


def _two_routers(arguments: argparse.Namespace) -> int:
    _check_listed()
    guest = _ensure_image(arguments.suite)
    packages = (_package(arguments.deb), *two_routers.packages(guest))
    environment = f"LAB_TAKEOVERS={arguments.takeovers}"
    scenarios = _pytest_step(1, (TWO_ROUTERS,), arguments.k, environment)
    serve: vm.Step = {"argv": [*GUEST_PYTHON, "-m", "guest.serve"]}
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
    job = vm.Job(({"argv": [*GUEST_PYTHON, "-m", "guest.demo"]},), DEMO_LIMIT_SECONDS, (package,))
    results = vm.new_results_folder()
    try:
        outcome = vm.run(guest, job, results, say)
    finally:
        shutil.rmtree(results)
    say(f"> done ({outcome.accelerator})")
    return outcome.exit_code


def _may_select(selection: str, *subjects: str) -> bool:
    """Return whether pytest's ``selection`` may match scenarios about one of ``subjects``."""
    return not selection or any(subject in selection for subject in subjects)


def _steps(arguments: argparse.Namespace) -> tuple[vm.Step, ...]:
    """The guest's boots, each with its scenarios; those in which none is selected are left out."""
    if arguments.soak:
        return (_pytest_step(1, (SOAK,), arguments.k, f"LAB_RECONNECTS={arguments.soak}"),)
    if arguments.your_lan:
        before, after = YOUR_LAN[arguments.your_lan]
        return (
            {"argv": [*GUEST_PYTHON, "-m", "guest.prepare_your_lan", arguments.your_lan]},
            _pytest_step(1, before, arguments.k),
            {"reboot": True},
            _pytest_step(2, after, arguments.k),
        )
    if not arguments.long:
        return _usual_steps(arguments.k, arguments.suite)
    first = (_pytest_step(1, LONG, arguments.k),)
    named = any(name in arguments.k for name in (*MANAGERS, "managers"))
    managers = tuple(_manager_steps(arguments.k, arguments.suite))
    return managers if named else first if arguments.k else (*first, *managers)


def _manager_steps(selection: str, suite: str) -> Iterator[vm.Step]:
    """Yield a boot for each network manager; a selection may name some of them."""
    named = [name for name in MANAGERS if name in selection] or [*MANAGERS]
    for number, name in enumerate(named, 4):
        if name != "dhcpcd" or suite == TRIXIE:
            yield {"argv": [*GUEST_PYTHON, "-m", "guest.prepare_manager", name]}
            yield {"reboot": True}
            yield _pytest_step(number, ("test_managers.py",), "")


def _usual_steps(selection: str, suite: str) -> tuple[vm.Step, ...]:
    """The boots with ifupdown. A selection counts on each suite."""
    first = tuple(
        name
        for name, suites in FIRST_BOOT.items()
        if selection or suite in suites or (suite == NEXT and suites == SUITES)
    )
    if not _may_select(selection, "boot", "package"):
        return (_pytest_step(1, (*first, UPGRADE), selection),)
    auto, hotplug = map(_start_step, STARTS)
    return (
        _pytest_step(1, first, selection),
        auto,
        {"reboot": True},
        _pytest_step(2, ("test_boot.py",), selection),
        hotplug,
        {"reboot": True},
        _pytest_step(3, ("test_boot.py", "test_package.py", UPGRADE), selection),
    )


def _start_step(start: str) -> vm.Step:
    return {"argv": [*GUEST_PYTHON, "-m", "guest.prepare_boot", start]}


def _pytest_step(boot: int, files: tuple[str, ...], selection: str, *environment: str) -> vm.Step:
    chosen = ["-k", selection] if selection else []
    argv = ["env", *environment, *PYTEST, f"--junitxml=/lab/results/junit-{boot}.xml", *chosen]
    argv += [f"{SCENARIOS}/{file}" for file in files]
    return {"argv": argv, "accept": [0, NO_TESTS_COLLECTED] if selection else [0]}


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
