"""What waits for the scripts: how it is kept, and who is started for it."""

import errno
import os
from functools import partial
from pathlib import Path

import pytest
from scripts import NEW, OLD, SAY, router, tell, write

from dualwan import paths
from dualwan.errors import HostError
from dualwan.host import lock, run_files
from dualwan.host.kernel import KernelHost
from dualwan.host.notice import handover, queue, script
from dualwan.notice.pending import Pending, noted, notices
from dualwan.notice.router import Router


def test_without_scripts_all_is_forgotten(place, started):
    """The owner has removed the last one: nothing is kept, and nothing is started."""
    path = write(place, "a", SAY)
    tell(place, router(OLD))
    path.unlink()
    tell(place, router(NEW))
    assert (queue.known(), queue.waiting(), started) == (Router(), None, [1])


def test_a_change_after_the_last_one_was_removed_makes_it_forgotten(place, started):
    """One that is put there later is told from the beginning, not from what another knew."""
    path = write(place, "a", SAY)
    has_scripts = partial(KernelHost.has_scripts, None, str(place))
    assert has_scripts(changed=True)
    tell(place, router(OLD))
    path.unlink()
    assert has_scripts(changed=True)
    tell(place, router(NEW))
    assert not has_scripts(changed=True)
    write(place, "b", SAY)
    assert not has_scripts(changed=False)
    assert started == [1]


def test_a_runner_at_work_is_not_joined_by_a_second(place, started):
    """It takes what is noted meanwhile; that costs the event nothing."""
    write(place, "a", SAY)
    with lock.running_scripts(queue.directory()):
        tell(place, router(OLD))
    assert started == []
    tell(place, router(NEW))
    assert started == [1]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pending": {}, "folder": 1}', "nonsense"])
def test_a_file_that_is_broken_is_as_none(place, content):
    """Known and pending: the next change is told from the beginning."""
    folder = run_files.directory() / "hooks"
    folder.mkdir(parents=True)
    for name in ("known.json", "pending.json", "failed.json"):
        (folder / name).write_text(content)
    assert (queue.known(), queue.waiting(), queue.failures()) == (Router(), None, ())
    write(place, "a", SAY)


def test_a_file_of_somebody_else_is_not_read(place, started):
    """What the scripts are told is root's word."""
    write(place, "a", SAY)
    tell(place, router(OLD))
    assert started == [1]
    (run_files.directory() / queue.PENDING).chmod(0o666)
    assert queue.waiting() is None


@pytest.mark.parametrize("letter", ["\\u0000", "\\ud800"])
def test_what_an_environment_cannot_hold_is_refused(place, started, letter):
    """A nul or half a letter in what was kept would be an error of the start of each script."""
    write(place, "a", SAY)
    tell(place, router(OLD))
    assert started
    path = run_files.directory() / queue.PENDING
    path.write_text(path.read_text().replace(OLD, letter))
    assert queue.waiting() is None


def test_what_waits_is_read_as_it_was_written(place, started):
    """Each value goes through the file."""
    write(place, "a", SAY)
    pending = noted(Pending(), router(OLD), router(NEW, up=False, lost=True), ("pbr",), "mend")
    tell(place, router(OLD), "pbr")
    tell(place, router(NEW, up=False, lost=True), "pbr")
    assert started
    assert notices(queue.waiting().pending)[-1].slices == ("pbr",)
    assert queue.known() == pending.now


def test_where_systemd_watches_the_file_nothing_is_started(place, started, tmp_path, monkeypatch):
    """dualwan-hooks.path is enabled, and looks at the run directory of the machine."""
    write(place, "a", SAY)
    monkeypatch.setattr(handover, "SYSTEMD", str(tmp_path))
    monkeypatch.setattr(handover, "UNIT", str(place))
    tell(place, router(OLD))
    assert started == [1]  # it looks at another run directory
    monkeypatch.setattr(paths, "RUN_DIR", str(run_files.directory()))
    tell(place, router(NEW))
    assert started == [1]
    monkeypatch.setattr(handover, "UNIT", "/no/such/unit")
    tell(place, router(OLD))
    assert started == [1, 1]


def test_the_units_are_about_the_same_files():
    """The path unit looks at what waits, and is enabled where the program looks for it."""
    folder = Path(__file__).parents[2] / "packaging/debian"
    path = (folder / f"dualwan-hook.{Path(handover.UNIT).name}").read_text().splitlines()
    assert f"PathExists={paths.RUN_DIR}/{queue.PENDING}" in path
    assert f"WantedBy={Path(handover.UNIT).parent.name.removesuffix('.wants')}" in path
    # Where systemd runs and where an enabled unit stands: sd_booted(3), systemd.unit(5).
    assert handover.SYSTEMD == "/run/systemd/system"
    assert handover.UNIT.startswith("/etc/systemd/system/")
    (unit,) = [line.removeprefix("Unit=") for line in path if line.startswith("Unit=")]
    service = (folder / f"dualwan-hook.{unit}").read_text().splitlines()
    assert "ExecStart=/usr/bin/dualwan-hook hooks" in service
    assert f"UMask=0{script.UMASK:03o}" in service


def test_a_lock_that_cannot_be_had_is_an_error_of_the_notice(place, tmp_path):
    """The run directory is another user's: nothing is noted, and the caller is told."""
    write(place, "a", SAY)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "hooks").mkdir(mode=0o777)
    (tmp_path / "run" / "hooks").chmod(0o777)
    with pytest.raises(HostError, match="others than root may change it"):
        tell(place, router(OLD))


def test_a_runner_that_cannot_be_started_is_an_error_of_the_notice(place, monkeypatch):
    """The kernel has no process left: what was noted waits for the next change."""
    write(place, "a", SAY)

    def fork():
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", fork)
    with pytest.raises(HostError, match="no process for them: Resource temporarily unavailable"):
        tell(place, router(OLD))
    assert queue.waiting() is not None


def test_a_way_of_which_nothing_is_known_can_carry_all():
    """The notice of the failover names it, without interface and address."""
    before, now = Router({}, "mape", "mape"), Router({}, "mape", "pppoe")
    (notice,) = notices(noted(Pending(), before, now, (), "probe"))
    assert (notice.event, notice.way) == ("failover", "pppoe")
    assert (notice.interface, notice.old, notice.new, notice.ports) == ("", "", "", ())
