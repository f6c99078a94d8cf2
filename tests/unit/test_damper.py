"""When what is mended again and again is a fight, and when the fight is over."""

from dualwan.damper import CALM_SECONDS, LONGEST_SECONDS, Damper


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
