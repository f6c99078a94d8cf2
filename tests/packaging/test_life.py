"""The package's life on a bare Debian: install, upgrade, remove, purge, and again.

In a chroot made for it, with a network and process namespace of its own: root is needed, this
machine is not touched. That the kernel is left clean is shown on the simulated line.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import released  # of the lab: how it builds a release
from bare_debian import DEB, ROOT, UNIT_NOTES, Machine

from dualwan import __version__

DOWN = "--config /etc/dualwan/dualwan.toml down"  # what prerm calls
CHECK = "check"  # what postinst calls after an upgrade
REFUSED = """
[wan]
interface = "wan0"
[lan]
interfaces = ["lan0"]
[mape]
provider = "ocn"
[pppoe]
peer = "flets"
[firewall]
inbound = [{ service = "ssh", from = [] }]
"""
# What enables a unit stays until purge, as a conffile does.
ENABLED = {
    "/etc/systemd/system/multi-user.target.wants/dualwan-close.service",
    "/etc/systemd/system/multi-user.target.wants/dualwan-watch.service",
    "/etc/systemd/system/paths.target.wants",
    "/etc/systemd/system/paths.target.wants/dualwan-hooks.path",
    "/etc/systemd/system/paths.target.wants/dualwan-watch.path",
}


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request, tmp_path_factory):
    """Bare Debian 12 and 13, made once each."""
    if os.geteuid() != 0:
        pytest.exit("this test makes chroots and needs root: sudo make package", returncode=1)
    root = tmp_path_factory.mktemp(request.param) / "root"
    yield Machine(request.param, root)
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def next_deb(tmp_path_factory):
    """The same package with a higher version."""
    folder = tmp_path_factory.mktemp("next")
    subprocess.run(["dpkg-deb", "--raw-extract", DEB, folder / "tree"], check=True)
    control = folder / "tree/DEBIAN/control"
    control.write_text(
        control.read_text().replace(f"Version: {__version__}-1\n", f"Version: {__version__}-2\n")
    )
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", folder / "tree", folder / "next.deb"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder / "next.deb"


@pytest.fixture
def before(machine):
    """The files before the first installation; as they were once the test is over."""
    files = machine.files()
    yield files
    left = machine.files()
    machine.run("dpkg", "--purge", "dualwan-hook")  # so that the next test begins clean
    shutil.rmtree(machine.root / "etc/dualwan", ignore_errors=True)
    called = machine.calls_of_maintainer_scripts()
    assert left == files
    assert called == []


def test_life(machine, before, next_deb):
    """Install, configure, upgrade, remove, purge: each leaves what it should."""
    machine.install(DEB)
    assert machine.run("/usr/bin/dualwan-hook", "--version") == (0, f"dualwan-hook {__version__}\n")
    assert machine.run("/usr/bin/dualwan-hook", "mape", "2400:4050:1234:5600::/56")[0] == 0
    assert machine.run("/usr/bin/dualwan-hook", "check")[0] == 3
    assert any(
        path.startswith("/usr/share/dualwan-hook/dualwan/__pycache__/cli.")
        for path in machine.files()
    )
    assert machine.hooks_end_well()
    assert machine.calls_of_maintainer_scripts() == []

    machine.write("/etc/dualwan/dualwan.toml", (ROOT / "etc/dualwan.toml").read_text())
    assert machine.run("/usr/bin/dualwan-hook", "check")[0] == 0
    machine.install(next_deb)
    assert machine.calls_of_maintainer_scripts() == [CHECK], "an upgrade keeps the line running"
    assert machine.run("/usr/bin/dualwan-hook", "check")[0] == 0

    said = machine.dpkg("remove")
    assert "not everything" not in said
    assert machine.calls_of_maintainer_scripts() == [DOWN]
    left = {
        path
        for path in machine.files() - before
        if not path.startswith(("/run/dualwan", UNIT_NOTES))
    }
    assert (
        left
        == {
            "/etc/dualwan",
            "/etc/dualwan/dualwan.toml",
            "/etc/iproute2/rt_protos.d",
            "/etc/iproute2/rt_protos.d/dualwan.conf",
            "/etc/iproute2",
            *ENABLED,
        }
        - before
    )
    assert machine.hooks_end_well()

    machine.dpkg("purge")
    assert machine.files() - before == {"/etc/dualwan", "/etc/dualwan/dualwan.toml"}
    shutil.rmtree(machine.root / "etc/dualwan")


def test_upgrade_from_each_release(machine, before):
    """Of the modules of before nothing is left, also where they were; units and hooks are ours."""
    archives = sorted(Path(released.__file__).parent.glob("dualwan-hook-*.tar.xz"))
    assert [
        file.name.removeprefix("dualwan-hook-").removesuffix(".tar.xz") for file in archives
    ] == [released.VERSION]
    machine.install(released.ensure())
    machine.write("/etc/dualwan/dualwan.toml", (ROOT / "etc/dualwan.toml").read_text())
    machine.install(DEB)
    assert machine.calls_of_maintainer_scripts() == [CHECK]
    assert machine.run("/usr/bin/dualwan-hook", "--version") == (0, f"dualwan-hook {__version__}\n")
    assert machine.run("/usr/bin/dualwan-hook", "check")[0] == 0
    assert machine.hooks_end_well()
    files = machine.files()
    assert "/usr/lib/python3/dist-packages/dualwan" not in files
    assert files >= ENABLED
    machine.dpkg("purge")
    assert machine.calls_of_maintainer_scripts() == [DOWN]
    assert machine.files() - before == {"/etc/dualwan", "/etc/dualwan/dualwan.toml"}
    shutil.rmtree(machine.root / "etc/dualwan")


@pytest.mark.usefixtures("before")
def test_an_upgrade_names_what_it_refuses(machine):
    """0.1.0 took an empty list of sources for everybody, and kept nothing to go back to."""
    machine.install(released.ensure())
    machine.write("/etc/dualwan/dualwan.toml", REFUSED)
    assert machine.run("/usr/bin/dualwan-hook", "check")[0] == 0
    said = machine.install(DEB)
    assert "/etc/dualwan/dualwan.toml:11: " in said
    assert "'from' is empty" in said
    assert "mend /etc/dualwan/dualwan.toml before the next reboot" in said
    assert machine.calls_of_maintainer_scripts() == [CHECK]
    machine.dpkg("purge")
    assert machine.calls_of_maintainer_scripts() == [DOWN]
    shutil.rmtree(machine.root / "etc/dualwan")


def test_without_configuration_nothing_is_taken_down(machine, before):
    """Who installed it and never configured it gets rid of it without a word."""
    machine.install(DEB)
    assert "dualwan-hook:" not in machine.dpkg("purge")
    assert machine.files() == before


@pytest.mark.usefixtures("before")
def test_scripts_of_the_owner_stay(machine):
    """hooks.d is the package's, and goes with it unless the owner has put something there."""
    machine.install(DEB)
    machine.write("/etc/dualwan/hooks.d/50-mine", "#!/bin/sh\n", mode=0o755)
    machine.dpkg("purge")
    left = sorted(path for path in machine.files() if path.startswith("/etc/dualwan"))
    assert left == ["/etc/dualwan", "/etc/dualwan/hooks.d", "/etc/dualwan/hooks.d/50-mine"]
    shutil.rmtree(machine.root / "etc/dualwan")


@pytest.mark.usefixtures("before")
def test_a_broken_configuration_does_not_keep_the_package(machine):
    """`down` says why it cannot read it, and takes down what the notes say is ours."""
    machine.install(DEB)
    machine.write("/etc/dualwan/dualwan.toml", "[wan\n")
    said = machine.dpkg("purge")
    assert "/etc/dualwan/dualwan.toml:1:" in said
    assert "not everything could be taken down" not in said
    assert machine.calls_of_maintainer_scripts() == [DOWN]
    shutil.rmtree(machine.root / "etc/dualwan")


@pytest.mark.usefixtures("before")
@pytest.mark.parametrize("hook", ["ifupdown", "networkmanager", "ppp"])
def test_a_copy_of_a_hook_outlives_the_package(machine, hook):
    """Who copied a hook to a folder of their own still gets 0 from it."""
    shutil.copy(ROOT / "hooks" / hook, machine.root / "opt/test" / hook)
    for phase in ("pre-up", "post-up", "post-down"):
        names = {"IFACE": "enp1s0", "PPP_IFACE": "ppp0", "PHASE": phase}
        assert machine.run(f"/opt/test/{hook}", "enp1s0", phase, **names) == (0, "")
    (machine.root / "opt/test" / hook).unlink()


@pytest.mark.usefixtures("before")
@pytest.mark.parametrize(
    "text",
    [(ROOT / "etc/dualwan.toml").read_text(), "[wan\ninterface = enp1s0"],
    ids=["in order", "broken"],
)
def test_a_package_in_the_middle_of_an_upgrade_closes_the_machine(machine, text):
    """Its modules are gone for a moment: ifup's hook loads the table that needs none of them.

    The hook of another interface does nothing.
    """
    machine.install(DEB)
    machine.write("/etc/dualwan/dualwan.toml", text)
    modules = machine.root / "usr/share/dualwan-hook/dualwan"
    modules.rename(modules.with_name("away"))
    try:
        hook = "/etc/network/if-pre-up.d/00dualwan-hook"
        script = f"{hook} && nft list tables && nft list table inet dualwan_firewall"
        code, said = machine.run("sh", "-c", script, IFACE="enp1s0", PHASE="pre-up")
        assert code == 0, said
        assert "chain closed" in said
        assert '"enp1s0"' in said
        script = f"{hook} && nft list tables"
        assert machine.run("sh", "-c", script, IFACE="eth9", PHASE="pre-up") == (0, "")
        (machine.root / "usr/sbin/nft").rename(machine.root / "usr/sbin/nft.away")
        code, said = machine.run(hook, IFACE="enp1s0", PHASE="pre-up")
        assert code == 1
        assert "cannot be closed" in said
        assert machine.run(hook, IFACE="eth9", PHASE="pre-up") == (0, "")
    finally:
        modules.with_name("away").rename(modules)
        if (machine.root / "usr/sbin/nft.away").exists():
            (machine.root / "usr/sbin/nft.away").rename(machine.root / "usr/sbin/nft")
    machine.dpkg("purge")
    assert machine.calls_of_maintainer_scripts() == [DOWN]
    shutil.rmtree(machine.root / "etc/dualwan")
