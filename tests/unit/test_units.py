"""The systemd units: how far they are confined, and what must not be kept from them."""

import re
import subprocess
from pathlib import Path

import pytest

from dualwan.host.notice import runner

UNITS = Path(__file__).parents[2] / "packaging/debian"
METRICS = UNITS.parents[1] / "docs/metrics/dualwan-metrics.service"
CONFINED = ("watch", "probe", "notify", "close")
DIALLING = ("watch", "probe")
# With each of them systemd mounts another /proc, in which no write to a sysctl is announced.
ANOTHER_PROC = {
    *("MountAPIVFS", "ProtectControlGroups", "ProtectKernelTunables", "ProtectProc", "ProcSubset"),
}
MOST = 3.0  # of systemd's exposure level, 0 to 10
# Those whose comment says why not: the owner's scripts, and pppd with those of ip-up.d.
MOST_OF = {**dict.fromkeys(CONFINED, MOST), "hooks": 3.5, "dial": 10.1}


def path(name, kind="service"):
    """Return the file of a unit."""
    return UNITS / f"dualwan-hook.dualwan-{name}.{kind}"


def settings(name, kind="service"):
    """Return key and value of each line of a unit."""
    return re.findall(r"^([A-Za-z]+)=(.*)$", path(name, kind).read_text(), re.MULTILINE)


def restrictions(name):
    """Return the settings of a unit from CapabilityBoundingSet= on, but what is about dialling."""
    found = settings(name)
    start = [key for key, _ in found].index("CapabilityBoundingSet")
    return [pair for pair in found[start:] if pair[0] not in {"Environment", "WantedBy"}]


@pytest.mark.parametrize("name", MOST_OF)
def test_a_unit_is_exposed_less_than_3(name):
    """As `systemd-analyze security` of this release counts it; 7.0 to 7.2 until 0.2.0.

    The one that dials is 9.6 and the one that runs the owner's scripts 3.4.
    """
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", path(name)],
        check=True,
        capture_output=True,
        text=True,
    )
    level = re.search(r"Overall exposure level for .*: ([0-9.]+) ", done.stdout)
    assert float(level[1]) < MOST_OF[name], done.stdout


@pytest.mark.parametrize("name", CONFINED)
def test_no_configuration_starts_nothing_and_a_link_to_a_missing_disk_does(name, tmp_path):
    """The router goes by the configuration that was applied last, and so do all of its units."""
    there = tmp_path / "dualwan.toml"
    conditions = [
        f"{key}={value}".replace("/etc/dualwan/dualwan.toml", str(there))
        for key, value in settings(name)
        if key.startswith("Condition")
    ]

    def starts():
        done = subprocess.run(
            ["systemd-analyze", "condition", *conditions], check=False, capture_output=True
        )
        return done.returncode == 0

    assert not starts()
    there.write_text("")
    assert starts()
    there.unlink()
    there.symlink_to("/nowhere/dualwan.toml")
    assert starts()


@pytest.mark.parametrize("name", ["dial", "hooks"])
def test_what_a_file_starts_is_not_given_up_where_the_program_cannot_run(name):
    """The file is still there, and its path would start the service six times in a moment."""
    assert "PathExists" in dict(settings(name, "path"))
    found = dict(settings(name))
    assert found["Restart"] == "on-failure"
    assert int(found["RestartSec"]) > 2  # five starts in ten seconds are allowed


@pytest.mark.parametrize("unit", [*UNITS.glob("*.service"), METRICS], ids=lambda one: one.stem)
def test_every_service_has_an_end(unit):
    """Where its disk does not answer, say: systemd gives one with Type=oneshot all the time.

    A timer that has started it would never do so again. The scripts of hooks.d have limits each.
    """
    limit = re.findall(r"^TimeoutStartSec=(.*)$", unit.read_text(), re.MULTILINE)
    assert limit == (["infinity"] if unit == path("hooks") else [str(int(limit[0]))])


def test_every_service_is_confined_but_the_one_that_dials():
    """What starts pppd and its scripts cannot be; all others are confined alike."""
    services = {one.name.split("-")[-1].split(".")[0] for one in UNITS.glob("*.service")}
    assert services == {*CONFINED, "dial", "hooks"}
    assert {*MOST_OF} == services
    for name in CONFINED:
        assert restrictions(name) == restrictions("watch"), name
    assert {key for key, _ in settings("dial")} == {
        *("Description", "Documentation", "Type", "ExecStart", "Restart", "RestartSec"),
        *("TimeoutStartSec", "KillMode"),
    }


@pytest.mark.parametrize("name", CONFINED)
def test_the_run_directory_outlives_each_unit(name):
    """And is the one that hooks and commands use, with its mode: a user reads the state."""
    found = dict(settings(name))
    assert (found["RuntimeDirectory"], found["RuntimeDirectoryPreserve"]) == ("dualwan", "yes")
    assert found["StateDirectory"] == "dualwan"
    assert "RuntimeDirectoryMode" not in found  # systemd's 0755 is ours


@pytest.mark.parametrize("name", CONFINED)
def test_what_a_unit_needs_is_not_kept_from_it(name):
    """Sysctls are written and heard, pppd is seen, and leases of a client's own user are read."""
    found = dict(settings(name))
    assert not {*ANOTHER_PROC, "PrivateNetwork"} & {*found}
    assert {"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_DAC_READ_SEARCH"} <= {
        *found["CapabilityBoundingSet"].split()
    }
    assert "AF_NETLINK" in found["RestrictAddressFamilies"]


def test_a_unit_may_open_each_socket_that_its_work_opens():
    """What a change of role has left undone the watcher does; only doctor, a person's, hears all.

    It asked who has the CE by a packet socket, which the units have not: the role was never done.
    """
    source = UNITS.parents[1] / "src/dualwan"
    opened = {
        family
        for one in source.rglob("*.py")
        if "evidence" not in one.parts
        for family in re.findall(r"\bsocket\.(AF_[A-Z0-9]+)", one.read_text())
    }
    assert "AF_INET6" in opened
    for name in CONFINED:
        allowed = dict(settings(name))["RestrictAddressFamilies"].split()
        assert opened - {"AF_UNSPEC"} <= {*allowed}, name


@pytest.mark.parametrize("name", CONFINED)
def test_a_unit_reads_what_the_owner_keeps_at_home(name):
    """[mape] update may name a file in /root, and dualwan.toml may be a link to one there.

    With `yes` the directory is empty in the unit: by hand all works, and the watcher reads nothing.
    """
    found = dict(settings(name))
    assert found["ProtectHome"] == "read-only"
    assert found["ProtectSystem"] == "strict"


def test_what_scripts_of_the_owner_need_is_not_kept_from_them():
    """Mail by another user or group, files in /etc and /var, routes, signals to daemons."""
    found = settings("hooks")
    given = dict(found)
    able = " ".join(value for key, value in found if key == "CapabilityBoundingSet").split()
    assert {"CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"} <= {*able}
    assert {"CAP_KILL", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_AUDIT_WRITE"} <= {*able}
    assert "CAP_SYS_ADMIN" not in able
    assert given["Nice"] == str(runner.NICENESS)  # the runner itself may not change it there
    assert {"-/etc", "-/var", "-/run", "-/home", "-/root"} <= {*given["ReadWritePaths"].split()}
    assert not {"NoNewPrivileges", "User", "ProtectProc", "ProtectHome"} & {*given}


@pytest.mark.parametrize("name", CONFINED)
def test_a_confined_unit_that_may_dial_asks_another_to(name):
    """A pppd would have its restrictions, and the owner's scripts in ip-up.d too."""
    found = settings(name)
    dials = name in DIALLING
    assert (("Environment", "DUALWAN_CONFINED=1") in found) is dials
    wants = " ".join(value for key, value in found if key == "Wants")
    assert ("dualwan-dial.path" in wants) is dials
    assert dict(settings("dial", "path"))["PathExists"] == "/run/dualwan/dial/peer.json"
