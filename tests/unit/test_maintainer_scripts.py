"""What dpkg runs: which units it stops, and what is taken down, at each of its calls."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "packaging/debian"
NOTES = '#!/bin/sh\necho "${0##*/} $*" >> "$NOTED"\n'
PROGRAMS = ("deb-systemd-invoke", "deb-systemd-helper", "dualwan-hook", "timeout", "rm")
WATCHER = "deb-systemd-invoke stop dualwan-watch.service"


@pytest.fixture(name="dpkg")
def _dpkg(tmp_path):
    """Return a function that runs a script as dpkg does, and returns what that has called.

    On a machine with systemd and a configuration, where all that it calls notes the call.
    """
    for name in PROGRAMS:
        (tmp_path / name).write_text(NOTES)
        (tmp_path / name).chmod(0o755)
    for name in ("systemd", "dualwan.toml"):
        (tmp_path / name).touch()
    noted = tmp_path / "noted"

    def call(script, *arguments):
        noted.write_text("")
        text = (SCRIPTS / script).read_text().replace("#DEBHELPER#", "")
        text = text.replace("-d /run/systemd/system", f"-e {tmp_path}/systemd")
        text = text.replace("/etc/dualwan", str(tmp_path))
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "NOTED": str(noted)}
        subprocess.run(["sh", "-c", text, script, *arguments], check=True, env=environment)
        return noted.read_text().splitlines()

    return call


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0"])
def test_an_upgrade_stops_the_watcher_before_its_modules_change(dpkg, version):
    """The old prerm has done it, or not: that of 0.1.0 lets it run on with the old code."""
    assert dpkg("preinst", "upgrade", version) == [WATCHER]
    assert dpkg("preinst", "install") == []
    assert dpkg("preinst", "abort-upgrade", version) == []


def test_an_upgrade_takes_nothing_down(dpkg):
    """The line keeps running: neither `down`, nor are run state and answers forgotten."""
    assert dpkg("prerm", "upgrade", "0.3.0") == [WATCHER]
    assert dpkg("postrm", "upgrade", "0.3.0") == []
    for failed in ("failed-upgrade", "abort-install", "abort-upgrade", "disappear"):
        assert dpkg("postrm", failed, "0.1.0") == []
    *units, checked = dpkg("postinst", "configure", "0.2.0")
    assert "dualwan-hook" not in " ".join(units)
    assert checked == "timeout 60 dualwan-hook check"


def test_a_first_installation_checks_nothing(dpkg):
    """A configuration of before, or of a template, is told of by the first ifup."""
    assert "check" not in " ".join(dpkg("postinst", "configure", ""))


def test_a_removal_stops_what_would_mend_and_takes_down(dpkg):
    """In this order; purge forgets the rest."""
    *stops, down = dpkg("prerm", "remove")
    units = " ".join(stops)
    for name in ("watch", "probe", "notify", "hooks"):
        assert f"dualwan-{name}.service" in units
    assert down.startswith("timeout 90 dualwan-hook --config ")
    assert down.endswith("/dualwan.toml down")
    assert dpkg("postrm", "remove") == []
    assert dpkg("postrm", "purge") == ["rm -rf /run/dualwan /var/lib/dualwan"]
