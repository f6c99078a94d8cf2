"""A user without rights holds nothing that root waits for, and says nothing that root believes."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from line import CONFIG

USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.fixture(name="folder")
def _folder():
    """Return a folder that every user may enter, as /run is."""
    made = Path(tempfile.mkdtemp(prefix="dualwan-test-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(name="router")
def _router(bare, folder):
    """Return a line whose run directory every user may see."""
    line = bare()
    line.run_directory = folder / "run"
    return line


@pytest.fixture(name="user")
def _user():
    """Return a function that starts a user's flock(1) on a file and returns it."""
    started = []

    def hold(path):
        process = subprocess.Popen(
            [*USER, "flock", "--nonblock", path, "sh", "-c", "echo held; exec sleep 1000"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield hold
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, 9)
        process.communicate()


def test_a_user_cannot_hold_up_an_event(router, user):
    """The lock is refused to him; he may read the state, which `status` shows."""
    router.apply()
    held = user(router.run_directory / "lock")
    assert "Permission denied" in held.communicate()[1]
    router.event("ppp-up", PPP_IFACE="ppp0")
    state = subprocess.run([*USER, "cat", router.run_directory / "state.json"], check=False)
    assert state.returncode == 0


def test_a_lock_that_a_user_has_held_since_before_the_upgrade(router, user):
    """That of 0.1.0, which he could open: one run waits a moment, none gives up."""
    router.run_directory.mkdir()
    lock = router.run_directory / "lock"
    lock.touch()
    lock.chmod(0o644)
    held = user(lock)
    assert held.stdout.readline() == "held\n"
    began = time.monotonic()
    router.apply()
    assert time.monotonic() - began > 3, "an earlier version may have been at work"
    assert router.settled()
    assert "Permission denied" in user(lock).communicate()[1]
    assert held.poll() is None, "he still holds what nobody waits for"


@pytest.mark.parametrize("mode", [0o757, 0o777])
def test_a_run_directory_of_all_users_is_refused(router, mode):
    """Whatever lies there could be theirs; the remedy is named, and helps."""
    router.run_directory.mkdir()
    router.run_directory.chmod(mode)
    done = router.hook("--slice", "firewall")
    assert done.returncode == 4
    assert f"chmod 755 {router.run_directory}" in done.stderr
    router.run_directory.chmod(0o755)
    router.apply()


def test_a_configuration_of_a_user_is_not_what_hooks_do(router, folder):
    """He could open the router; the event leaves it as it is."""
    router.apply()
    router.config = folder / "dualwan.toml"
    router.config.write_text(CONFIG + '\n[firewall]\ninbound = ["ssh"]\n')
    os.chown(router.config, 65534, 65534)
    before = router.texts()
    assert "others than root may change it" in router.complaint("ppp-up", PPP_IFACE="ppp0")
    assert router.texts() == before
    os.chown(router.config, 0, 0)
    router.apply()
    assert router.texts() != before
