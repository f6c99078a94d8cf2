"""What is kept of a trial on disk, and which configuration events use by it."""

import errno
import os
from dataclasses import replace

import pytest
from machine import BASE, Machine, config

from dualwan import files, hook, watcher
from dualwan.errors import ConfigError, HostError, UnconfirmedError
from dualwan.host import answers, in_use, program, trials, way_back
from dualwan.model.event import Event
from dualwan.model.state import RunState
from dualwan.model.trial import Phase, Trial

NEW = BASE.replace("psid = 1\n", "psid = 2\n").replace("wan0", "wan7")


@pytest.fixture(name="folder")
def _folder(tmp_path, monkeypatch):
    """Return the folder that outlives a boot."""
    monkeypatch.setenv("DUALWAN_STATE", str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture(name="path")
def _path(folder, tmp_path):
    """Return the path of the configuration, which has what is tried."""
    assert not folder.exists()
    path = tmp_path / "dualwan.toml"
    path.write_text(NEW)
    return path


def kept(path, /, **values):
    """Keep a trial of this boot; return it."""
    trial = Trial(str(path), str(path), NEW, BASE, trials.boot_id(), 1000.5, state=RunState())
    trial = replace(trial, **values)
    trials.save(trial)
    return trial


def test_a_trial_is_kept_as_it_is(path):
    """All of it, and root alone may read it; forgotten, nothing is left."""
    state = RunState(wanted=True, applied=BASE, tables=("dualwan_snat",))
    trial = kept(
        path, phase=Phase.RETURNING, drafts=("a", "b"), state=state, running=("isp",), attempts=3
    )
    assert trials.load() == trial
    folder = path.parent / "kept/trial"
    assert {one.stat().st_mode & 0o777 for one in folder.iterdir()} == {0o600}
    trials.forget()
    assert trials.load() is None
    assert not folder.exists()
    trials.forget()


def test_a_full_disk_keeps_nobody_from_going_back(path, monkeypatch):
    """What another program has written meanwhile: of what is kept, the way back matters most."""
    answers.write(trials.ELEMENTS, "[]")
    trial, elements = kept(path), path.parent / "kept" / trials.ELEMENTS
    write = files.write

    def full(*arguments, **options):
        if elements.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(*arguments, **options)

    monkeypatch.setattr("dualwan.files.write", full)
    with pytest.raises(HostError, match="No space left"):
        trials.save(trial)  # no trial begins that could not be gone back from
    back = replace(trial, phase=Phase.RETURNING)
    trials.save(back)
    assert trials.load() == back
    monkeypatch.setenv("DUALWAN_RUN", str(path.parent / "run"))
    elements.mkdir()  # as a file system that is read-only by now, and /run takes nothing either
    with pytest.raises(HostError, match="No space left"):
        trials.save(back)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"until": 1000.5', '"until": NaN'),
        ('"until": 1000.5', '"until": -Infinity'),
        ('"until": 1000.5', '"until": "1000.5"'),
        ('"attempts": 0', '"attempts": -1'),
        ('"attempts": 0', '"attempts": 0.5'),
        ('"drafts": []', '"drafts": [5]'),
        ('{"path": "', '{"path": "\\u0000'),
        ('"source": "', '"source": "\\u0000'),
    ],
)
def test_a_value_that_no_trial_has_is_no_trial(path, before, after):
    """What is said of a trial is arithmetic with its time, and its path is written to."""
    kept(path)
    record = path.parent / "kept/trial/trial.json"
    assert before in record.read_text()
    record.write_text(record.read_text().replace(before, after))
    assert trials.load() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"path": "/"}', '{"phase": "none"}'])
def test_a_broken_record_is_no_trial(path, text):
    """As after a power cut; events use the file."""
    kept(path)
    (path.parent / "kept/trial/trial.json").write_text(text)
    assert trials.load() is None
    assert in_use.read(path) == NEW


@pytest.mark.parametrize(
    ("values", "found", "used"),
    [
        ({}, NEW, NEW),
        ({}, "edited", NEW),
        ({}, None, NEW),
        ({"phase": Phase.RETURNING}, NEW, BASE),
        ({"phase": Phase.RETURNING}, "edited", BASE),
        ({"phase": Phase.OVER}, NEW, BASE),
        ({"phase": Phase.OVER}, "edited", "edited"),
        ({"phase": Phase.OVER, "drafts": ("edited",)}, "edited", BASE),
        ({"boot": "another"}, NEW, BASE),
        ({"boot": "another", "phase": Phase.RETURNING}, "edited", "edited"),
        ({"boot": "another", "phase": Phase.RETURNING}, NEW, BASE),
        ({"boot": "another"}, "edited", "edited"),
        ({"phase": Phase.OVER, "path": "/another"}, NEW, NEW),
        ({"phase": Phase.OVER, "before": ""}, "edited", "edited"),
    ],
)
def test_what_events_use(path, values, found, used):
    """While it is pending what is tried, afterwards never what was tried and not confirmed."""
    kept(path, **values)
    path.unlink() if found is None else path.write_text(found)
    assert in_use.read(path) == used


def test_where_nothing_was_applied_before_events_do_nothing(path):
    """The error says what to do."""
    kept(path, phase=Phase.OVER, before="")
    with pytest.raises(UnconfirmedError, match="dualwan-hook applies it"):
        in_use.load(path)


def test_without_a_file_and_a_trial_there_is_no_configuration(path):
    """As ever."""
    path.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        in_use.load(path)


@pytest.mark.parametrize(
    ("device", "text", "phase", "up"),
    [
        ("wan7", BASE, Phase.PENDING, True),  # another file is tried
        ("wan0", BASE, Phase.PENDING, False),
        ("wan0", NEW, Phase.OVER, True),
        ("wan7", NEW, Phase.OVER, False),
        ("eth9", NEW, Phase.OVER, False),
    ],
)
def test_a_hook_is_concerned_by_what_is_in_use(path, monkeypatch, device, text, phase, up):
    """Its device may stand in the tried text alone, or in the one before."""
    machine = Machine("wan0", "wan7", "lan0")
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", lambda: machine)
    monkeypatch.setattr("syslog.syslog", lambda *_: None)
    kept(path, phase=phase)
    path.write_text(text)
    environ = {"DUALWAN_CONFIG": str(path), "DUALWAN_STATE": str(path.parent / "kept")}
    assert hook.hook(Event.UP.value, device, environ) == 0
    assert bool(machine.applied) is up


def test_a_hook_whose_configuration_was_replaced_meanwhile_runs_once_more(
    path, monkeypatch, capsys
):
    """The trial ended between the reading and the lock: PPPoE's new address is not lost."""
    machine = Machine("wan0", "wan7", "lan0")
    machine.connect("203.0.113.7")
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", lambda: machine)
    monkeypatch.setattr("syslog.syslog", lambda *_: None)
    trial = kept(path)

    def ended():
        over = replace(trial, phase=Phase.OVER)
        trials.save(over)
        return over

    machine.load_trial = ended
    machine.boot_id = trials.boot_id
    machine.run_state = RunState(wanted=True, applied=BASE)
    hook.hook(Event.PPP_UP.value, "ppp0", {"DUALWAN_CONFIG": str(path)})
    assert "203.0.113.7" in str(machine.state.rules)
    assert capsys.readouterr().err == ""
    assert machine.run_state.applied == BASE


@pytest.mark.parametrize(("before", "psid"), [(BASE, 1), ("", None)])
def test_the_watcher_uses_what_events_use(path, monkeypatch, before, psid):
    """Not even the last configuration in order that it has seen, if that was tried."""
    monkeypatch.setattr("syslog.syslog", lambda *_: None)
    kept(path, phase=Phase.OVER, before=before)
    carried = watcher.Carried(text=NEW)
    found = watcher.Look(carried, path, Machine())._current()  # noqa: SLF001 - the file alone
    assert (found and found.mape.manual.port_set.psid) == psid


def test_the_timer_is_armed_by_systemd(monkeypatch, tmp_path):
    """Stopped first, if an earlier one is left; exact; tried again if it fails."""
    called = []
    monkeypatch.setattr(program, "run", lambda argv: called.append(argv) or (0, ""))
    monkeypatch.setattr(way_back, "RUNNING", tmp_path)
    monkeypatch.setenv("DUALWAN_CONFIG", "/etc/other.toml")
    way_back.arm(42)
    assert [argv[0] for argv in called] == ["systemctl", "systemctl", "systemd-run"]
    argv = called[-1]
    assert {
        "--unit=dualwan-try",
        "--on-active=42s",
        "--timer-property=AccuracySec=100ms",
        "--property=Restart=on-failure",
        "--property=KillMode=process",
        "--setenv=DUALWAN_CONFIG=/etc/other.toml",
    } <= set(argv)
    assert argv[-2:] == ["try", "--revert"]
    # A unit that starts 5 times within 10 s is given up (systemd.unit(5), StartLimitBurst=).
    [pause] = [int(one.rpartition("=")[2]) for one in argv if "=RestartSec=" in one]
    assert 5 * pause > 10


def test_the_timer_runs_the_checkout_that_armed_it(monkeypatch, tmp_path):
    """And with its own folders, as a test or a developer has them; with nothing else."""
    called = []
    monkeypatch.setattr(program, "run", lambda argv: called.append(argv) or (0, ""))
    monkeypatch.setattr(way_back, "RUNNING", tmp_path)
    names = ("DUALWAN_CONFIG", "DUALWAN_RUN", "DUALWAN_STATE", "PYTHONPATH")
    for name in (*names, "OTHER"):
        monkeypatch.setenv(name, f"/{name.lower()}")
    way_back.arm(1)
    given = [one for one in called[-1] if one.startswith("--setenv=")]
    assert given == [f"--setenv={name}=/{name.lower()}" for name in names]


def test_a_timer_that_systemd_refuses_is_one_line(monkeypatch, tmp_path):
    """And says that nothing was changed."""
    monkeypatch.setattr(program, "run", lambda _argv: (1, "Failed to connect to bus:\nno"))
    monkeypatch.setattr(way_back, "RUNNING", tmp_path)
    with pytest.raises(HostError, match=r"^systemd-run failed with code 1: [^\n]*nothing was"):
        way_back.arm(42)


def test_the_installed_program_is_what_the_timer_runs(monkeypatch, tmp_path):
    """By its path; from a checkout by its module."""
    installed = tmp_path / "dualwan-hook"
    installed.touch()
    monkeypatch.setattr("sys.argv", [str(installed)])
    assert way_back.command() == [str(installed)]
    monkeypatch.setattr("sys.argv", ["/src/dualwan/cli.py"])
    assert way_back.command()[1:] == ["-B", "-m", "dualwan.cli"]


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_a_configuration_keeps_its_permissions_and_its_link(tmp_path, mode):
    """What is confirmed from another file takes the place of what the link points to."""
    target, link = tmp_path / "real.toml", tmp_path / "dualwan.toml"
    target.write_text(BASE)
    target.chmod(mode)
    link.symlink_to(target)
    trials.install(str(link), NEW)
    assert link.is_symlink()
    assert target.read_text() == NEW
    assert target.stat().st_mode & 0o777 == mode
    with pytest.raises(HostError):
        trials.install("/proc/none/dualwan.toml", NEW)


def test_a_configuration_where_there_was_none_can_be_read_by_all(tmp_path):
    """As the package's; its folder is made, whatever the umask is."""
    before = os.umask(0o077)
    try:
        trials.install(str(tmp_path / "etc/dualwan.toml"), NEW)
    finally:
        os.umask(before)
    assert (tmp_path / "etc/dualwan.toml").read_text() == NEW
    assert (tmp_path / "etc/dualwan.toml").stat().st_mode & 0o777 == 0o644


def test_the_configuration_has_its_text():
    """A run is compared by it with the trial."""
    assert config().text == BASE
