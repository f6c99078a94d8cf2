"""A router that went back from a trial, beside one on which nothing was tried."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from machine import Machine, config, kernel_state, run

from dualwan.handle import trial
from dualwan.model.event import Event

PATH = "/etc/dualwan/dualwan.toml"
OLD = config()
TRIED = [
    config(a="psid = 1 -> psid = 2", b="99:f000:0:100 -> 99:f000:0:200"),
    config(a='["lan0"] -> ["lan0", "lan1"]'),
    config(a="dial = false -> dial = false\ntable = 111\npriority = 300"),
    config(a='interface = "wan0" -> interface = "wan0"\nfailover = true'),
]
ADDRESSES = ("203.0.113.7", "203.0.113.8")
LIFE = st.lists(
    st.sampled_from(
        ["mend", "flush", "lost", "ppp-up 0", "ppp-up 1", "ppp-down", "ifdown", "ifup"]
    ),
    max_size=6,
)


def live(machine, cfg, words):
    """Let what the words say happen to a router with this configuration."""
    for word in words:
        name, _, number = word.partition(" ")
        if name == "mend":
            run(machine, cfg, Event.MEND)
        elif name == "flush":
            machine.flush_ruleset()
        elif name == "lost":
            machine.delete_table("dualwan_pbr")
        elif name == "ppp-up":
            machine.connect(ADDRESSES[int(number)])
            run(machine, cfg, Event.PPP_UP)
        elif name == "ppp-down":
            machine.unplug("ppp0")
            run(machine, cfg, Event.PPP_DOWN)
        elif name == "ifdown":
            run(machine, cfg, Event.DOWN)
            machine.switch("wan0", up=False)
            run(machine, cfg, Event.POST_DOWN)
        else:
            run(machine, cfg, Event.PRE_UP)
            machine.switch("wan0", up=True)
            run(machine, cfg, Event.UP)


@pytest.mark.slow
@settings(max_examples=60)
@given(before=LIFE, cfg=st.sampled_from(TRIED), during=LIFE)
@example(before=["ppp-up 0", "flush"], cfg=TRIED[0], during=[])
def test_a_trial_leaves_no_trace(before, cfg, during):
    """Whatever happened before and during it: the kernel is that of a router without a trial."""
    routers = [Machine("wan0", "lan0", "lan1") for _ in range(2)]
    tried, other = routers
    for machine in routers:
        live(machine, OLD, before)
    trial.begin(cfg, PATH, tried, 60)
    if not tried.run_state.wanted:
        during = []  # what would begin without a goal is not there before a trial, nor after it
    run(tried, cfg, Event.APPLY)
    live(tried, cfg, during)
    live(other, OLD, during)
    assert trial.go_back(tried)
    for machine in routers:
        run(machine, OLD, Event.MEND)
    assert kernel_state(tried) == kernel_state(other)
    assert tried.run_state.wanted == other.run_state.wanted
