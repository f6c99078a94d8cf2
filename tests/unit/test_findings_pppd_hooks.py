"""P6: an executable ip-up.local or ip-down.local keeps pppd from running our hook."""

import pytest
from machine import BASE

from dualwan.config import load
from dualwan.findings import find
from dualwan.host.surroundings import look
from dualwan.model.surroundings import Surroundings


@pytest.fixture
def config(tmp_path):
    """Return a configuration."""
    path = tmp_path / "dualwan.toml"
    path.write_text(BASE)
    return load(path)


def made(root, name, mode):
    """Make /etc/ppp/NAME below ROOT with MODE."""
    path = root / "etc" / "ppp" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)


@pytest.mark.parametrize("which", ["up", "down"])
def test_an_executable_local_script_is_named_with_what_to_do(tmp_path, config, which):
    """Pppd's own script runs it and ends before it reaches the folder."""
    made(tmp_path, f"ip-{which}.local", 0o755)
    (found,) = find(config, look(tmp_path))
    assert found.code == "hook-shadowed"
    assert found.text == (
        f"/etc/ppp/ip-{which}.local is executable, so pppd runs it and not "
        f"/etc/ppp/ip-{which}.d, where our hook is: move it into /etc/ppp/ip-{which}.d under a "
        "name without a dot, or remove its execute permission"
    )


def test_a_script_that_pppd_does_not_run_is_no_obstacle(tmp_path, config):
    """Without execute permission the folder is run."""
    made(tmp_path, "ip-up.local", 0o644)
    assert find(config, look(tmp_path)) == ()


def test_a_quiet_machine_has_no_findings(config):
    """Nothing is named where nothing is in the way."""
    assert find(config, Surroundings()) == ()
