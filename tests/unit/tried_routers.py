"""Routers on which a configuration is tried, and what is compared."""

from machine import Machine, config, kernel_state, run

from dualwan.handle import handle_event, trial
from dualwan.model.event import Event

PATH = "/etc/dualwan/dualwan.toml"
OLD = config()
NEW = config(
    a="psid = 1 -> psid = 2",
    b="99:f000:0:100 -> 99:f000:0:200",
    c='interfaces = ["lan0"] -> interfaces = ["lan0", "lan1"]',
)
STARTS = {
    "nothing": (),
    "up": (Event.APPLY,),
    "up by ifup": (Event.PRE_UP, Event.UP),
    "after ifdown": (Event.UP, Event.DOWN, Event.POST_DOWN),
    "after ifdown with the link up": (Event.UP, Event.DOWN),
    "after down": (Event.UP, Event.REMOVE),
}
# What only counts, what a step that only helps still owes, and whose flows may live.
COUNTS = ("generation", "findings", "owes_inbound_flows", "owed_flows", "owed_solicitations")
COUNTS += ("softwires", "ces", "routed")


def router(*events):
    """Return a router with PPPoE on which ``events`` of the old configuration have happened."""
    machine = Machine("wan0", "lan0", "lan1")
    machine.connect("203.0.113.7")
    run(machine, OLD, *events)
    return machine


def everything(machine):
    """Return what the kernel holds, and the notes without what only counts."""
    state = machine.run_state
    return kernel_state(machine), {
        name: value for name, value in vars(state).items() if name not in COUNTS
    }


def tried(machine, cfg=NEW):
    """Begin a trial of ``cfg`` and apply it."""
    trial.begin(cfg, PATH, machine, 60)
    handle_event(cfg, machine, Event.APPLY)
