"""The golden cases of tests/cases.

Each folder with an `event` is a configuration, a machine as it was seen and what happened;
`plan.txt` is the plan that follows, as a person reads it. Each folder without one holds the
nft texts that its configuration leads to, with long maps of ports as a digest; those of
`nft-smallest` are whole, and are loaded by tests/netns/test_translation.py. To write them anew
after a change that is meant:

    DUALWAN_WRITE_CASES=1 pytest tests/unit/test_cases.py && git diff tests/cases

and read the difference: it is what users will see.
"""

import os
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest
from machine import wanted_tables
from nft_text import reviewable

from dualwan.config import load
from dualwan.host.fake import FakeHost
from dualwan.line import derive_line
from dualwan.model.event import Event
from dualwan.model.observed import Link, Observed
from dualwan.model.resources import RTPROT_DUALWAN, Address, Route, RouteRule, Tunnel
from dualwan.model.state import RunState
from dualwan.nft import legacy
from dualwan.reconcile import make_plan
from dualwan.report.plan import lines

CASES = Path(__file__).parents[1] / "cases"
FOLDERS = sorted(path.parent for path in CASES.glob("*/config.toml"))
PLANS = [folder for folder in FOLDERS if (folder / "event").exists()]
TEXTS = [folder for folder in FOLDERS if folder not in PLANS]
WHOLE = "nft-smallest"
WRITE = bool(os.environ.get("DUALWAN_WRITE_CASES"))


def compare(path, text):
    """Compare TEXT with the golden file PATH, or write it if that was asked for."""
    if WRITE:
        path.write_text(text)
    assert path.read_text() == text, f"{path.relative_to(CASES)} is different; see {__name__}"


def observed(seen, config, line):
    """Return the machine that state.toml describes; "wanted" stands for a table in order."""
    wanted = {table.name: table for table in wanted_tables(config, line)}
    tables = (
        None
        if seen.pop("tables", ()) == "hidden"
        else tuple(table_of(item, wanted) for item in seen.pop("table", ()))
    )
    found = Observed(
        links={name: Link(**link) for name, link in seen.pop("links", {}).items()},
        addresses=tuple(Address(*item) for item in seen.pop("addresses", ())),
        tunnels=tuple(Tunnel(**item) for item in seen.pop("tunnels", ())),
        routes=tuple(Route(*item) for item in seen.pop("routes", ())),
        rules=tuple(RouteRule(**item) for item in seen.pop("rules", ())),
        sysctls=seen.pop("sysctls", {}),
        ipv6_default=seen.pop("ipv6_default", True),
        tables=tables,
    )
    assert not seen, f"state.toml says more than is known: {seen}"
    return found


def run_state(noted):
    """Return the run state that state.toml describes."""
    noted["addresses"] = tuple(Address(*item) for item in noted.get("addresses", ()))
    for kind in ("tunnels", "tables"):
        noted[kind] = tuple(noted.get(kind, ()))
    for way, key in (("mape", "softwires"), ("pppoe", "sessions")):
        if address := noted.pop(way, ""):
            noted[key] = {way: address}
    assert set(noted) <= {field.name for field in fields(RunState)}
    return RunState(**noted)


def table_of(item, wanted):
    """Return a table as state.toml describes it: as wanted, but for `instead` and `edited`."""
    table = wanted[item["name"]]
    content = table.source()
    for new, old in item.get("instead", {}).items():
        assert new in content
        content = content.replace(new, old)
    return replace(legacy.table(content), intact=not item.get("edited", False))


def event_of(folder):
    """Return the event of a case."""
    return {event.label: event for event in Event}[(folder / "event").read_text().strip()]


@pytest.mark.parametrize("folder", PLANS, ids=lambda folder: folder.name)
def test_the_plan_is_as_written_down(folder):
    """Configuration, observed state and event lead to these lines and no others."""
    config = load(folder / "config.toml", CASES / "no-rules.d")
    seen = tomllib.loads((folder / "state.toml").read_text())
    announced = {name: tuple(found) for name, found in seen.pop("announced", {}).items()}
    state = run_state(seen.pop("memory", {}))
    line = derive_line(config, announced.get(config.prefix_source, ()), state.prefix)
    host = FakeHost(observed(seen, config, line))
    host.announced, host.run_state = announced, state
    plan = make_plan(config, host, event_of(folder))
    compare(
        folder / "plan.txt",
        "".join(
            f"{text}\n"
            for text in (
                *lines(plan),
                *(f"problem: {text}" for text in plan.problems),
                *(f"warning: {text}" for text in plan.warnings),
                *(f"not seen: {text}" for text in plan.unobserved),
            )
        ),
    )


@pytest.mark.parametrize("folder", TEXTS, ids=lambda folder: folder.name)
def test_the_nft_texts_are_as_written_down(folder):
    """A configuration leads to these tables, to the letter."""
    config = load(folder / "config.toml", CASES / "no-rules.d")
    for table in wanted_tables(config):
        text = table.source() if folder.name == WHOLE else reviewable(table.source())
        compare(folder / f"{table.name.removeprefix('dualwan_')}.nft", text)


def test_every_event_has_a_case():
    """Nothing that can happen goes unwritten, and no folder is forgotten."""
    seen = {(folder / "event").read_text().strip() for folder in PLANS}
    assert seen == {event.label for event in Event}
    assert len(TEXTS) >= 4
    assert RTPROT_DUALWAN == 217, "registered in etc/dualwan.rt_protos.conf"
