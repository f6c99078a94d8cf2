"""The scenarios of a run, the guest's boot in which each runs, and their order."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import vm
from image import LabError
from recipe import NEXT, SUITES

_PYTHON = ("/usr/bin/python3", "-B", "-u")
_PYTEST = (
    *(*_PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-v", "--tb=short"),
    *("--color=no", "--durations=8", "-o", "addopts=", "-c", "/dev/null"),
    # pytest reads nothing above this folder: the checkout's conftest puts src/ before the package.
    *("--rootdir", "/lab/checkout/tests/lab", "--confcutdir", "/lab/checkout/tests/lab"),
)
_SCENARIOS = "/lab/checkout/tests/lab/scenarios"
_NO_TESTS_COLLECTED = 5

BOOKWORM, TRIXIE = SUITES
# In this order each scenario leaves a state that suits the next. A file with one suite runs on that
# suite only, so that `make test` ends within an hour; --rest runs it on the other one.
FIRST_BOOT = {
    "test_line_itself.py": SUITES,
    "test_wrong_configuration.py": (BOOKWORM,),
    "test_up.py": SUITES,
    "test_outbound.py": SUITES,
    "test_inbound.py": SUITES,
    "test_nat.py": (TRIXIE,),
    "test_servers.py": (BOOKWORM,),
    "test_routing.py": (BOOKWORM,),
    "test_reconnect.py": SUITES,
    "test_offload.py": (TRIXIE,),
    "test_hooks_d.py": (TRIXIE,),
    "test_others.py": (BOOKWORM,),  # which has the older kernel
    "test_by_hand.py": (BOOKWORM,),
    "test_try.py": (BOOKWORM,),
    "test_down.py": SUITES,
    "test_never_open.py": (TRIXIE,),
    "test_prefix.py": (BOOKWORM,),
    "test_modes.py": (TRIXIE,),
    "test_ways_fixed.py": (BOOKWORM,),
    "test_ways_added.py": (TRIXIE,),
    "test_zones.py": (BOOKWORM,),
    "test_policies.py": (TRIXIE,),
    "test_provisioning.py": (BOOKWORM,),
    "test_confined.py": (TRIXIE,),
    # Last, because they flush other programs' rules too.
    "test_mending.py": (BOOKWORM,),
    "test_firewall.py": (TRIXIE,),
}
# Many reconnects, a run of its own (--soak N).
SOAK = "test_soak.py"
# Two routers, each a guest of its own, in a run of theirs (two-routers).
TWO_ROUTERS = "test_two_routers.py"
# Long scenarios have a run of their own (--long): it needs an hour where there is no KVM.
LONG = (
    "test_readme.py",  # first: it installs the package, and purges it
    "test_ipsec.py",
    "test_pppd.py",
    "test_calls.py",
    "test_doctor.py",
    "test_hard_night.py",
    "test_offload_cost.py",  # only shows figures, without limits
)
# After the purge in the last boot, so that no other scenario runs with files of 0.1.0.
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
LAST = ("test_boot.py", "test_package.py", UPGRADE)  # of the usual boots
# The word in /etc/network/interfaces that brings the WAN up in the boot after the first; --rest
# boots with the other one.
STARTS = {BOOKWORM: "auto", TRIXIE: "allow-hotplug", NEXT: "allow-hotplug"}
OTHER_START = {"auto": "allow-hotplug", "allow-hotplug": "auto"}
# The programs that manage the network in the boots of --long after the first.
MANAGERS = (
    "dhcpcd",  # beside ifupdown, which ifupdown-ng then replaces
    "ifupdown-ng",
    "ifupdown2",
    "NetworkManager",
    "systemd-networkd",
)


def check_listed() -> None:
    """Raise LabError for a scenario file that no boot runs, or a listed one that is missing."""
    listed = {
        *(*FIRST_BOOT, *LATER_BOOTS, *LONG, SOAK, TWO_ROUTERS, UPGRADE),
        *(HOUSEHOLD, CHANGES, FROM_OUTSIDE),
    }
    there = {file.name for file in (Path(__file__).parent / "scenarios").glob("test_*.py")}
    if missing := sorted(there - listed):
        raise LabError(f"no boot runs {', '.join(missing)}: FIRST_BOOT lacks it")
    if gone := sorted(listed - there):
        raise LabError(f"there is no {', '.join(gone)}, which a boot runs")


def _may_select(selection: str, *subjects: str) -> bool:
    """Return whether pytest's ``selection`` may match scenarios about one of ``subjects``."""
    return not selection or any(subject in selection for subject in subjects)


def steps(arguments: Namespace) -> tuple[vm.Step, ...]:
    """The guest's boots, each with its scenarios; boots without a selected one are left out."""
    if arguments.soak:
        return (scenarios(1, (SOAK,), arguments.k, f"LAB_RECONNECTS={arguments.soak}"),)
    if arguments.your_lan:
        before, after = YOUR_LAN[arguments.your_lan]
        return (
            module("guest.prepare_your_lan", arguments.your_lan),
            scenarios(1, before, arguments.k),
            {"reboot": True},
            scenarios(2, after, arguments.k),
        )
    if arguments.rest:
        return _rest_steps(arguments.k, arguments.suite)
    if not arguments.long:
        return _usual_steps(arguments.k, arguments.suite)
    first = (scenarios(1, LONG, arguments.k),)
    named = any(name in arguments.k for name in (*MANAGERS, "managers"))
    managers = tuple(_manager_steps(arguments.k, arguments.suite))
    return managers if named else first if arguments.k else (*first, *managers)


def _manager_steps(selection: str, suite: str) -> Iterator[vm.Step]:
    """Yield a boot for each network manager, or only those that the selection names."""
    named = [name for name in MANAGERS if name in selection] or [*MANAGERS]
    for number, name in enumerate(named, 4):
        if name != "dhcpcd" or suite == TRIXIE:
            yield module("guest.prepare_manager", name)
            yield {"reboot": True}
            yield scenarios(number, ("test_managers.py",), "")


def _elsewhere(suite: str) -> Iterator[str]:
    """Yield the first boot's files that do not run on ``suite`` without --rest, in their order."""
    for name, suites in FIRST_BOOT.items():
        if suites != SUITES and (suite == NEXT or suite not in suites):
            yield name


def _rest_steps(selection: str, suite: str) -> tuple[vm.Step, ...]:
    """The scenarios, the start of the WAN and the upgrade that the usual boots leave out."""
    return (
        scenarios(1, tuple(_elsewhere(suite)), selection),
        module("guest.prepare_boot", OTHER_START[STARTS[suite]]),
        {"reboot": True},
        scenarios(2, ("test_boot.py", UPGRADE), selection, "LAB_REST=1"),
    )


def _usual_steps(selection: str, suite: str) -> tuple[vm.Step, ...]:
    """The boots with ifupdown. With a selection, all files run on each suite."""
    elsewhere = () if selection else tuple(_elsewhere(suite))
    first = tuple(name for name in FIRST_BOOT if name not in elsewhere)
    if not _may_select(selection, "boot", "package"):
        return (scenarios(1, (*first, UPGRADE), selection),)
    return (
        scenarios(1, first, selection),
        module("guest.prepare_boot", STARTS[suite]),
        {"reboot": True},
        scenarios(2, LAST, selection),
    )


def module(name: str, *arguments: str) -> vm.Step:
    """Return the step that runs a module of this folder in the guest."""
    return {"argv": [*_PYTHON, "-m", name, *arguments]}


def scenarios(boot: int, files: tuple[str, ...], selection: str, *environment: str) -> vm.Step:
    """Return the step that runs files of scenarios; ``boot``: the number of its results."""
    chosen = ["-k", selection] if selection else []
    argv = ["env", *environment, *_PYTEST, f"--junitxml=/lab/results/junit-{boot}.xml", *chosen]
    argv += [f"{_SCENARIOS}/{file}" for file in files]
    return {"argv": argv, "accept": [0, _NO_TESTS_COLLECTED] if selection else [0]}
