"""The watcher's looks: what they mend, when they wait, and what they leave alone."""

import pytest
from config_texts import DIALS_BY_RULE
from machine import BASE, Machine, config, kernel_state, run

from dualwan import watcher
from dualwan.damper import LONGEST_SECONDS
from dualwan.errors import BusyError, KernelError
from dualwan.model.event import Event
from dualwan.watcher import Carried, Look

CONFIG = config()
pytestmark = pytest.mark.usefixtures("log")


@pytest.fixture(name="path")
def _path(tmp_path):
    """Return the path of a configuration."""
    path = tmp_path / "dualwan.toml"
    path.write_text(BASE)
    return path


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
    "a rule": lambda machine: machine._put("rules", machine.state.rules[0], gone=True),  # noqa: SLF001 - see above
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
def test_whatever_is_lost_is_mended(path, what, log):
    """By a look after the news; the next look has nothing to do, and the log says who mended."""
    machine = router()
    whole = kernel_state(machine)
    _, carried = settle(machine, path)
    log.clear()
    LOSSES[what](machine)
    assert kernel_state(machine) != whole
    seconds, _ = settle(machine, path, carried)
    assert seconds is None
    assert kernel_state(machine) == whole
    assert log
    assert all("cause=the watcher" in line or "cause=the line changed" in line for line in log)


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


def test_a_broken_configuration_leaves_the_last_one_in_use(path, log):
    """The error is said once; what is lost meanwhile is mended by what was in order."""
    machine = router()
    _, carried = settle(machine, path)
    log.clear()
    path.write_text("[wan\n")
    machine.flush_ruleset()
    seconds, carried = settle(machine, path, carried)
    assert seconds is None
    assert "dualwan_snat" in machine.table_names()
    assert len([line for line in log if "dualwan.toml:1" in line]) == 1
    path.write_text(BASE)
    assert settle(machine, path, carried)[0] is None


def test_a_configuration_that_was_never_in_order_is_waited_for(path, log):
    """The watcher does not end, or systemd would start it again and again."""
    path.write_text("[wan\n")
    seconds, carried = look(router(), path)
    assert seconds is None
    assert look(router(), path, carried)[0] is None
    assert len(log) == 1


def test_a_fight_is_damped_and_named_once(path, log, monkeypatch):
    """Another program takes back what is mended: the pauses grow, the log says it once."""
    now = [1000.0]
    monkeypatch.setattr(watcher, "monotonic", lambda: now[0])
    machine = router()
    _, carried = settle(machine, path)
    log.clear()
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
    said = [line for line in log if "times in a row" in line]
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


def test_what_the_kernel_refuses_is_tried_a_few_times(path, log, monkeypatch):
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
    assert len([line for line in log if "dualwan_snat: refused" in line]) == watcher.IN_VAIN
    machine.refuse = []
    now[0] += 100
    carried.failures = 0  # as news have it
    assert settle(machine, path, carried)[0] is None
    assert "dualwan_snat" in machine.table_names()


@pytest.mark.parametrize(
    ("error", "seconds"), [(BusyError("at work for 20 s"), 5.0), (KernelError("routes: lost"), 1.0)]
)
def test_a_look_that_cannot_be_had_is_tried_again(path, log, error, seconds):
    """Another run does not end, or the kernel's answer is lost; said once."""
    machine = router()

    def refuse(_seconds):
        raise error

    machine.lock = refuse
    found, carried = look(machine, path)
    assert found == seconds
    look(machine, path, carried)
    assert len(log) == 1


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
