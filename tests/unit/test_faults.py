"""A failure and a kill at the Nth call, for every N of every event, on every kind of router.

`make unit` takes a part of the cases, another kind of fault for each N; `make faults` takes all.
"""

from __future__ import annotations

import os
from functools import cache

import pytest
from fault_scenes import (
    EVENTS,
    FOREIGN,
    MODES,
    PROBES,
    ROLES,
    STARTS,
    Scene,
    happen,
    is_possible,
    kernel,
    noted,
    outside,
    start,
    survives,
)
from faults import KINDS, Fault

from dualwan.line.provisioning.cache import RETRY
from dualwan.model.plan import Action
from dualwan.nft.table import NftTable
from dualwan.slices import ALL

EVERY = os.environ.get("DUALWAN_FAULTS") == "all"
PART = 24  # one of so many cases is taken, if not all are
NEEDS = {one.name: one.needs for one in ALL}


class Undisturbed:
    """A scene without a fault, and how it ends."""

    def __init__(self, scene):
        self.scene = scene
        self.ready = start(scene.mode, scene.start).clone()
        self.before = kernel(self.ready)
        self.ready.start()
        outside(self.ready, scene)
        self.ready.forgotten = set()
        self.ready.start()
        host, self.log = self.ready.clone(), []
        self.error = happen(host, scene, self.log)
        self.calls, self.steps = tuple(host.calls), steps(self.log)
        self.once = kernel(host), noted(host)
        self.again = self.repeat(host)
        self.end = kernel(host), noted(host)
        self.followed = kernel(host), outside_kernel(host)
        self.forgotten = frozenset(host.forgotten)
        self.removed = self.remove(host)

    def remove(self, host):
        """Return what the kernel holds after `down`, and what is noted."""
        host.start()
        error = happen(host, Scene(self.scene.mode, "", "remove"))
        return error, kernel(host), host.run_state.tables

    def repeat(self, host):
        """Let the event come once more, without a fault; return its error.

        Ten minutes later, for a server that failed is not asked before. A probe reconciles only
        when it has news, so a person's command comes after it.
        """
        host.start()
        host.clock += RETRY
        error = happen(host, self.scene)
        if self.scene.event in PROBES:
            host.start()
            error = happen(host, Scene(self.scene.mode, "", "apply"))
        return error

    def cases(self):
        """Return the faults that can come."""
        return [Fault(at, kind) for at, call in enumerate(self.calls) for kind in KINDS[call.role]]


undisturbed = cache(Undisturbed)


def steps(log):
    """Return the steps that a log tells, with the slice of each, "" for one of a role."""
    found = []
    for line in log:
        text, _, context = line.rpartition(" (cause=")
        if line[:2] in {"+ ", "~ ", "- "}:
            found.append((context.partition("slice=")[2].rstrip(")"), text))
    return found


def waits(name, failed):
    """Whether a slice waits for one that failed, or is that one."""
    return bool(name) and (name == failed or waits(NEEDS[name], failed))


def check_told(host, whole, fault, error, log):
    """The log and the state tell what was applied and no more; the failure is told."""
    assert [text for _, text in steps(log)] == [f"{step.sign} {step.text}" for step in host.applied]
    told = host.told in error or host.told in "\n".join(log)
    quiet = host.hit.role in {"names", "generation", "counts"} and fault.kind != "deadline"
    # Where a later save or a second look of the same event has made up for it, nothing is amiss.
    assert told or quiet or (kernel(host), noted(host)) == whole.once
    tables = [step for step in host.applied if isinstance(step.resource, NftTable)]
    loaded = {step.resource.name for step in tables if step.action is not Action.REMOVE}
    removed = {step.resource.name for step in tables if step.action is Action.REMOVE}
    if host.hit.role != "save" or fault.kind == "deadline":
        assert loaded - removed <= set(host.run_state.tables)
        assert not removed & set(host.run_state.tables)
    new = set(host.run_state.tables) - set(whole.ready.run_state.tables)
    assert new <= {table.name for table in host.state.tables}
    assert set(FOREIGN) <= set(host.state.tables)


def check_rest(host, whole, log):
    """What does not wait for the step that failed is done, as without the fault.

    What a role does besides waits for every slice.
    """
    if host.hit.role not in {"apply", "load"}:
        return
    text = host.hit.text
    failed = next((name for name, step in whole.steps if step == text), "")
    rest = {
        step
        for name, step in whole.steps
        if step != text and (name or not failed) and not waits(name, failed)
    }
    assert rest <= {step for _, step in steps(log)}


def check_followed(host, whole):
    """A role is told once: what was noted of it is done by the watcher's next look."""
    if host.run_state.wanted and host.run_state.role.active is ROLES[whole.scene.event]:
        host.start()
        assert happen(host, Scene(whole.scene.mode, "", "mend")) == ""
        assert (kernel(host), outside_kernel(host)) == whole.followed


def outside_kernel(host):
    """Return what follows from a role besides: who is dialled, and what conntrackd knows."""
    return sorted(host.running), host.carried[-1:], host.run_state.role.followed


def check_case(whole, fault):
    """One fault, and what it leaves; then a clean run, and `down`."""
    host, log = whole.ready.clone(), []
    host.start(fault)
    lives, error = survives(host, whole.scene, log)
    assert host.hit is not None
    if lives:
        check_told(host, whole, fault, error, log)
        if fault.kind != "deadline":
            check_rest(host, whole, log)
    if whole.scene.event in ROLES:
        check_followed(host.clone(), whole)
    left = host.clone()
    assert whole.remove(left) == whole.removed
    assert whole.repeat(host) == whole.again
    assert (kernel(host), noted(host)) == whole.end
    assert host.forgotten >= whole.forgotten - later(whole)


def later(whole):
    """Return what the ifup that follows makes up for: who has the CE is told once the WAN is up."""
    if whole.scene.event != "pre-up":
        return set()
    return {text for text in whole.forgotten if text.startswith("neighbour advertisement")}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("mode", MODES)
def test_a_fault_anywhere_is_told_and_the_next_run_mends_it(mode, event, record_property):
    """Whatever the state the event came in: as if it had not been; so is `down` right after it."""
    number = 0
    for state in STARTS:
        scene = Scene(mode, state, event)
        if not is_possible(scene):
            continue
        whole = undisturbed(scene)
        cases = whole.cases()
        chosen = cases if EVERY else cases[hash_of(scene) % PART :: PART]
        for fault in chosen:
            number += 1
            try:
                check_case(whole, fault)
            except AssertionError as error:
                call = whole.calls[fault.at]
                pytest.fail(f"{scene}: {fault.kind} at {fault.at}, {call}: {error}")
    record_property("cases", number)


def hash_of(scene):
    """Return a number of a scene, the same in every run."""
    return sum(str(scene).encode())
