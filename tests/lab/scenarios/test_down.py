"""`ifdown` of the WAN leaves the machine as it was found."""

from __future__ import annotations

import pytest
from guest import product, snapshot
from guest.snapshot import Snapshot


@pytest.fixture(scope="module")
def after_down(installed: Snapshot) -> Snapshot:
    """The state after `ifdown`."""
    assert installed
    if not product.wan_is_up():
        product.bring_up()
    product.take_down()
    return snapshot.take()


@pytest.mark.usefixtures("after_down")
def test_nothing_of_ours_is_left() -> None:
    """No address, tunnel, rule, route, table or nft table of the product."""
    assert snapshot.ours() == []


def test_the_kernel_is_as_it_was_before(installed: Snapshot, after_down: Snapshot) -> None:
    """Everything compared, sysctls too: as before the product was installed.

    Only sysctls that were there before count: loading a kernel module adds some.
    """
    known = {line.split(" = ")[0] for line in installed.sections["sysctl"]}
    difference = [
        line
        for line in installed.difference(after_down)
        if not (line.startswith("+ sysctl: ") and line.split()[2] not in known)
    ]
    assert "\n".join(difference) == ""


def test_what_is_of_somebody_else_survives(installed: Snapshot, after_down: Snapshot) -> None:
    """A nft table, rules and routes that someone else made stand untouched."""
    theirs = snapshot.of_somebody_else(installed)
    assert theirs
    assert snapshot.of_somebody_else(after_down) == theirs


@pytest.mark.usefixtures("after_down")
def test_down_again_has_nothing_to_do() -> None:
    """The command agrees, and running it on a router that is down changes nothing."""
    before = snapshot.take()
    done = product.run("down")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n".join(before.difference(snapshot.take())) == ""
