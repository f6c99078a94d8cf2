"""The package's life on a router: upgrade, removal and purge, with the line up."""

from __future__ import annotations

from pathlib import Path

import pytest
from guest import command, product, router, snapshot
from guest.addresses import PPP, WAN
from guest.snapshot import Snapshot

PACKAGE = "dualwan-hook"


def _files() -> set[str]:
    """Every file outside the folders that change by themselves."""
    found = command.run(
        [
            *("find", "/etc", "/usr", "/var", "/run", "/opt", "-xdev"),
            *("-not", "-path", "/run/*", "-not", "-path", "/var/log/*"),
            *("-not", "-path", "/var/lib/dpkg/*", "-not", "-path", "/var/cache/*"),
            *("-not", "-path", "/var/lib/apt/*", "-not", "-path", "/var/tmp/*"),  # noqa: S108 - the guest's
        ]
    )
    ours = [line for line in found.splitlines() if "dualwan" in line]
    return {*ours, *map(str, Path("/run").glob("*dualwan*"))}


@pytest.mark.usefixtures("up")
def test_an_upgrade_keeps_the_line_running() -> None:
    """Installing the package again leaves the kernel's state as it is."""
    before = snapshot.take()
    product.apt("install", "--reinstall", str(product.package()))
    assert "\n".join(before.difference(snapshot.take())) == ""
    done = product.run("--dry-run", "--exit-code")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("up")
def test_removal_leaves_nothing_in_the_kernel_and_hooks_that_exit_0() -> None:
    """`apt remove` with the line up takes ours down; ifdown and ifup work without the program."""
    product.apt("remove", PACKAGE)
    assert not product.is_installed()
    assert snapshot.ours() == []
    for folder in ("if-pre-up.d", "if-up.d", "if-down.d", "if-post-down.d"):
        for hook in Path("/etc/network", folder).glob("*dualwan*"):
            command.run(["env", f"IFACE={WAN}", "PHASE=post-up", "MODE=start", str(hook)])
    for folder in ("ip-up.d", "ip-down.d"):
        for hook in Path("/etc/ppp", folder).glob("*dualwan*"):
            command.run(["env", f"PPP_IFACE={PPP}", "PPP_LOCAL=203.0.113.10", str(hook)])
    router.wait_for_no_ppp()
    command.run(["ifdown", WAN])
    command.run(["ifup", WAN])
    command.run(["ifdown", WAN])


def test_purge_leaves_no_file(installed: Snapshot) -> None:
    """After `apt purge` only what the owner wrote is there, and the kernel is as before."""
    product.apt("purge", PACKAGE)
    assert _files() <= {"/etc/dualwan", "/etc/dualwan/dualwan.toml"}
    after = snapshot.take()
    assert snapshot.of_somebody_else(after) == snapshot.of_somebody_else(installed)
    assert snapshot.ours() == []
