"""The watcher's looks: what they mend, when they wait, and what they leave alone."""

import os
import signal
import socket
import subprocess
import time

import pytest
from config_texts import DIALS_BY_RULE
from machine import BASE, Machine, config, kernel_state, run

from dualwan import watcher
from dualwan.damper import CALM_SECONDS, LONGEST_SECONDS, Damper
from dualwan.errors import BusyError, KernelError
from dualwan.model.event import Event
from dualwan.watcher import Carried, Look, Looked, after_failure, apart, notify_ready

CONFIG = config()


@pytest.fixture(name="path")
def _path(tmp_path):
    """Return the path of a configuration."""
    path = tmp_path / "dualwan.toml"
    path.write_text(BASE)
    return path


@pytest.fixture(autouse=True)
def lines(monkeypatch):
    """Collect what would go to syslog."""
    said = []
    monkeypatch.setattr("syslog.syslog", lambda _level, line: said.append(line))
    return said


def router(*events):
    """Return a machine that is up, with a PPP session."""
    machine = Machine("wan0", "lan0")
    machine.connect("203.0.113.7")
    run(machine, CONFIG, Event.APPLY, *events)
    return machine


def look(machine, path, carried=None, programs=()):
    """Look once; return the seconds until the next look, and what it is given."""
    return Look(Carried() if carried is None else carried, path, machine, programs).run()


def settle(machine, path, carried=None, programs=()):
    """Look until there is no more to do at once."""
    seconds, carried = look(machine, path, carried, programs)
    for _ in range(20):
        if seconds != 0:
            break
        seconds, carried = look(machine, path, carried, programs)
    return seconds, carried


LOSSES = {
    "the default route": lambda machine: machine._put(  # noqa: SLF001 - as the kernel loses it
        "routes", machine.state.routes[0], gone=True
    ),
    "a rule": lambda machine: machine._put("rules", machine.state.rules[0], gone=True),  # noqa: SLF001
    "the tunnel": lambda machine: machine.unplug("mape0"),
    "all tables": lambda machine: machine.flush_ruleset(),
    "one table": lambda machine: machine.delete_table("dualwan_snat"),
    "a rule of a table": lambda machine: machine.edit_table("dualwan_firewall"),
    "the link for a moment": lambda machine: [
        machine.switch("wan0", up=False),
        machine.switch("wan0", up=True),
    ],
    "forwarding": lambda machine: machine.set_sysctl("net/ipv4/ip_forward", "0"),
    "accept_ra": lambda machine: machine.set_sysctl("net/ipv6/conf/wan0/accept_ra", "0"),
}


@pytest.mark.parametrize("what", LOSSES)
def test_whatever_is_lost_is_mended(path, what, lines):
    """By a look after the news; the next look has nothing to do, and the log says who mended."""
    machine = router()
    whole = kernel_state(machine)
    _, carried = settle(machine, path)
    lines.clear()
    LOSSES[what](machine)
    assert kernel_state(machine) != whole
    seconds, _ = settle(machine, path, carried)
    assert seconds is None
    assert kernel_state(machine) == whole
    assert lines
    assert all("cause=the watcher" in line or "cause=the line changed" in line for line in lines)


@pytest.mark.parametrize("goodbye", [(Event.DOWN, Event.POST_DOWN), (Event.REMOVE,)])
def test_nothing_is_mended_after_ifdown(path, goodbye):
    """What is to be down stays down, whatever happens to links and tables."""
    machine = router()
    _, carried = settle(machine, path)
    machine.unplug("ppp0")
    machine.switch("wan0", up=False)
    run(machine, CONFIG, *goodbye)
    machine.applied.clear()
    machine.switch("wan0", up=True)
    machine.flush_ruleset()
    assert settle(machine, path, carried)[0] is None
    assert machine.applied == []


def test_an_ifdown_while_it_mends_wins(path):
    """The goals are read under the lock: between the look and the mending somebody ran ifdown."""
    machine = router()
    _, carried = settle(machine, path)
    machine.delete_table("dualwan_snat")
    machine.unplug("ppp0")
    lock, locks = machine.lock, []

    def ifdown_first(seconds):
        locks.append(seconds)
        if len(locks) == 2:  # the first is the look's own
            machine.lock = lock
            run(machine, CONFIG, Event.DOWN)
            machine.switch("wan0", up=False)
            run(machine, CONFIG, Event.POST_DOWN)
            machine.applied.clear()
        return lock(seconds)

    machine.lock = ifdown_first
    assert settle(machine, path, carried)[0] is None
    assert machine.applied == []
    assert machine.table_names() == frozenset()


def test_before_the_first_ifup_nothing_is_done(path):
    """A configuration alone changes nothing."""
    machine = Machine("wan0", "lan0")
    assert look(machine, path)[0] is None
    assert machine.applied == []


def test_the_first_prefix_brings_up_map_e(tmp_path):
    """An ifup has given up long ago; what is asked of the line is asked then."""
    path = tmp_path / "dualwan.toml"
    path.write_text(DIALS_BY_RULE)
    cfg = config(DIALS_BY_RULE)
    machine = Machine("wan0", "lan0")
    machine.watched = True
    run(machine, cfg, Event.UP)
    assert machine.state.tunnels == ()
    _, carried = settle(machine, path)
    machine.announced["wan0"] = ("2001:db8:12:3400::/64",)
    seconds, _ = settle(machine, path, carried)
    assert seconds is None
    assert [tunnel.name for tunnel in machine.state.tunnels] == ["mape0"]


def test_a_broken_configuration_leaves_the_last_one_in_use(path, lines):
    """The error is said once; what is lost meanwhile is mended by what was in order."""
    machine = router()
    _, carried = settle(machine, path)
    lines.clear()
    path.write_text("[wan\n")
    machine.flush_ruleset()
    seconds, carried = settle(machine, path, carried)
    assert seconds is None
    assert "dualwan_snat" in machine.table_names()
    assert len([line for line in lines if "dualwan.toml:1" in line]) == 1
    path.write_text(BASE)
    assert settle(machine, path, carried)[0] is None


def test_a_configuration_that_was_never_in_order_is_waited_for(path, lines):
    """The watcher does not end, or systemd would start it again and again."""
    path.write_text("[wan\n")
    seconds, carried = look(router(), path)
    assert seconds is None
    assert look(router(), path, carried)[0] is None
    assert len(lines) == 1


def test_a_fight_is_damped_and_named_once(path, lines, monkeypatch):
    """Another program takes back what is mended: the pauses grow, the log says it once."""
    now = [1000.0]
    monkeypatch.setattr(watcher, "monotonic", lambda: now[0])
    machine = router()
    _, carried = settle(machine, path)
    lines.clear()
    pauses, mends = [], 0
    for _ in range(40):
        machine.delete_table("dualwan_snat")
        seconds, carried = settle(machine, path, carried, programs=("fw-script",))
        if seconds:
            pauses.append(seconds)
            now[0] += seconds
        else:
            mends += 1
    assert pauses == sorted(pauses)
    assert pauses[0] == 1.0
    assert pauses[-1] == LONGEST_SECONDS
    assert mends > 5
    said = [line for line in lines if "times in a row" in line]
    assert said == [
        "nft table ip dualwan_snat: mended 5 times in a row, now after fw-script; "
        "the watcher pauses from now on (cause=the watcher)"
    ]


def test_a_fight_over_one_thing_does_not_delay_another(path, monkeypatch):
    """While one change has a pause, a new one is mended at once, and the other with it."""
    monkeypatch.setattr(watcher, "monotonic", lambda: 1000.0)
    machine = router()
    _, carried = settle(machine, path)
    for _ in range(5):
        machine.delete_table("dualwan_snat")
        _, carried = settle(machine, path, carried)
    machine.delete_table("dualwan_snat")
    assert look(machine, path, carried)[0] == 1.0
    machine.set_sysctl("net/ipv4/ip_forward", "0")
    assert settle(machine, path, carried)[0] is None
    assert "dualwan_snat" in machine.table_names()


def test_after_a_calm_a_change_is_a_new_one():
    """Five restarts of a firewall in ten minutes are no fight, also not after one."""
    damper = Damper()
    for at in range(20):
        assert damper.pause(["route"], at * 11.0) == 0
        assert damper.note(["route"], at * 11.0) == []


def test_the_end_of_a_fight_is_seen_by_the_calm_after_the_last_mending():
    """Not by the time that the watcher itself has waited."""
    damper, now = Damper(), 0.0
    for _ in range(30):
        now += damper.pause(["route"], now)
        damper.note(["route"], now)
    assert damper.pause(["route"], now + 1) == LONGEST_SECONDS - 1
    assert damper.pause(["route"], now + LONGEST_SECONDS) == 0
    damper.note(["route"], now + LONGEST_SECONDS)
    assert damper.pause(["route"], now + LONGEST_SECONDS + CALM_SECONDS + 1) == 0
    assert damper.note(["route"], now + LONGEST_SECONDS + CALM_SECONDS + 1) == []


def test_what_the_kernel_refuses_is_tried_a_few_times(path, lines, monkeypatch):
    """With pauses; then only news lead to another try, so that nothing wakes for ever."""
    now = [0.0]
    monkeypatch.setattr(watcher, "monotonic", lambda: now[0])
    machine = router()
    _, carried = settle(machine, path)
    machine.refuse = ["dualwan_snat"]
    machine.delete_table("dualwan_snat")
    seconds, carried = settle(machine, path, carried)
    while seconds:
        now[0] += seconds
        seconds, carried = settle(machine, path, carried)
    assert seconds is None
    assert len([line for line in lines if "dualwan_snat: refused" in line]) == watcher.IN_VAIN
    machine.refuse = []
    now[0] += 100
    carried.failures = 0  # as news have it
    assert settle(machine, path, carried)[0] is None
    assert "dualwan_snat" in machine.table_names()


@pytest.mark.parametrize(
    ("error", "seconds"), [(BusyError("at work for 20 s"), 5.0), (KernelError("routes: lost"), 1.0)]
)
def test_a_look_that_cannot_be_had_is_tried_again(path, lines, error, seconds):
    """Another run does not end, or the kernel's answer is lost; said once."""
    machine = router()

    def refuse(_seconds):
        raise error

    machine.lock = refuse
    found, carried = look(machine, path)
    assert found == seconds
    look(machine, path, carried)
    assert len(lines) == 1


@pytest.mark.parametrize("change", ["line", "table"])
def test_a_run_of_another_process_in_between_is_waited_for(path, change):
    """It took the lock between the look and the mending: what is due stays due."""
    machine = router()
    _, carried = settle(machine, path)
    if change == "line":
        machine.announced["wan0"] = ("2001:db8:12:3400::/64",)
    else:
        machine.delete_table("dualwan_snat")
    lock, locks = machine.lock, []

    def busy(seconds):
        locks.append(seconds)
        if len(locks) == 2:
            raise BusyError("another run of dualwan-hook has been at work for 20 s")
        return lock(seconds)

    machine.lock = busy
    seconds, carried = look(machine, path, carried)
    assert seconds == watcher.BUSY_SECONDS
    assert carried.line_due is (change == "line")
    assert settle(machine, path, carried)[0] is None
    assert "dualwan_snat" in machine.table_names()


def test_failures_are_given_up_after_a_while():
    """1, 2, 4, 8 and 16 seconds apart."""
    carried = Carried()
    assert [after_failure(carried) for _ in range(7)] == [1, 2, 4, 8, 16, None, None]


# --- the process that waits --------------------------------------------------------------


def test_a_look_is_a_process_of_its_own():
    """What it leaves comes back; nothing that it imports or spoils stays here."""

    def child():
        return Looked(3.0, Carried(said=str(os.getpid())))

    seconds, carried = apart(child)
    assert seconds == 3.0
    assert carried.said != str(os.getpid())


def test_a_signal_does_not_end_a_look_and_its_programs_can_be_ended():
    """A pppd that is dialled by a look must be able to hear of SIGTERM."""

    def child():
        os.kill(os.getpid(), signal.SIGTERM)
        program = subprocess.run(["grep", "SigBlk", "/proc/self/status"], stdout=-1, check=True)
        return Looked(None, Carried(said=program.stdout.decode().split()[1]))

    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, watcher.SIGNALS)
    try:
        _, carried = apart(child)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    assert int(carried.said, 16) == 0


def test_a_look_that_crashes_ends_alone(capfd):
    """It is logged by itself, and counts as a failure."""

    def child():
        raise RuntimeError("a bug")

    assert apart(child) is None
    assert capfd.readouterr().err == ""


def test_a_look_that_hangs_is_ended(monkeypatch, capfd):
    """By the deadline of a hook; a machine that is slow is nothing to report."""
    monkeypatch.setattr(watcher, "DEADLINE_SECONDS", 1)
    monkeypatch.setattr(watcher, "fail", lambda _, error: print(error, flush=True))
    began = time.monotonic()
    assert apart(lambda: time.sleep(30)) is None
    assert time.monotonic() - began < 20
    assert capfd.readouterr().out == "gave up after 1 s\n"


class EndError(Exception):
    """The test has seen enough."""


class Ears:
    """What wakes the watcher in a test: ``news`` says how often there is some."""

    programs = ("nft",)

    def __init__(self, *news):
        self.news = list(news)
        self.waits, self.followed, self.blocked = [], [], []

    def drain(self):
        """Forget the news so far."""
        return False

    def follow(self, sysctls, devices):
        """Take down what is followed."""
        self.followed.append((sysctls, devices))

    def wait(self, seconds=None):
        """Return the next of ``news``."""
        self.waits.append(seconds)
        self.blocked.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        if not self.news:
            raise EndError
        return self.news.pop(0)


@pytest.fixture(name="looks")
def _looks(monkeypatch):
    """Return outcomes for the watcher's looks, one each, and let no process be made."""
    outcomes = []
    monkeypatch.setattr(watcher, "apart", lambda _look: outcomes.pop(0))
    yield outcomes
    signal.pthread_sigmask(signal.SIG_UNBLOCK, watcher.SIGNALS)


def test_it_looks_at_once_and_then_waits(looks, path):
    """A look that wants another one gets it; what was found is followed; signals end the wait."""
    followed = (("net/ipv4/ip_forward",), (2,))
    looks.extend([Looked(0.0, Carried()), Looked(None, Carried(followed=followed))])
    ears = Ears()
    with pytest.raises(EndError):
        watcher.watch(path, lambda: None, ears)
    assert ears.waits == [None]
    assert ears.followed == [((), ()), followed]
    assert not ears.blocked[0] & set(watcher.SIGNALS)


def test_a_crash_is_tried_again_after_a_pause_and_news_end_the_counting(looks, path):
    """Six crashes in a row are waited out; with news it looks again."""
    looks.extend([None] * 7)
    ears = Ears(False, False, False, False, False, True)
    with pytest.raises(EndError):
        watcher.watch(path, lambda: None, ears)
    assert ears.waits == [1, 2, 4, 8, 16, None, 1]


def test_systemd_is_told_that_it_listens(tmp_path):
    """By a datagram to the socket that it names; elsewhere nobody asks."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        notify_ready(str(tmp_path / "notify"))
        assert systemd.recv(100) == b"READY=1"
    notify_ready("")
