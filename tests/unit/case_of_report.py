"""A golden case of tests/golden/plan, made of the file of `dualwan-hook report`."""

import json
import re
import sys
from difflib import SequenceMatcher
from pathlib import Path

import tomli
from golden_cases import GOLDEN, GONE, plan_case, shown

from dualwan import __version__
from dualwan.errors import DualwanError
from dualwan.model.event import Event
from dualwan.model.state import RunState
from dualwan.planning import make_plan
from dualwan.recording import dossier, tables

BASE = "bare"  # of the machines
PLAIN = (
    "tunnels",
    "softwires",
    "ces",
    "sessions",
    "interfaces",
    "prefix",
    "aftr",
    "aftr_name",
    "tables",
)
DEEPEST = 2  # tables; what is in them is written inline
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def case(replay, about):
    """Return the data of a case.toml for the machine of a report at an apply."""
    seen, state = replay.host.state, replay.host.run_state
    config = tomli.loads(replay.config.text)
    base = tomli.loads((GOLDEN / "machine" / f"{BASE}.toml").read_text())["observed"]
    manual = tomli.loads((GOLDEN / "config" / "manual.toml").read_text())
    found = {
        "about": about,
        "base": BASE,
        "event": Event.APPLY.value,
        "config": delta(manual, config),
        "announced": {name: list(one) for name, one in replay.host.announced.items() if one},
        "observed": delta(base, _observed(seen, _wanted(replay))),
        "state": _state(state),
    }
    return {key: value for key, value in found.items() if value not in ({}, [])}


def delta(base, wanted):
    """Return what makes ``wanted`` of ``base`` by golden_cases.merged."""
    found = {key: GONE for key in base if key not in wanted}
    for key, value in wanted.items():
        if key not in base:
            found[key] = value
        elif isinstance(value, dict) and isinstance(base[key], dict):
            if inner := delta(base[key], value):
                found[key] = inner
        elif value != base[key]:
            found[key] = value
    return found


def _wanted(replay):
    return tables.wanted(make_plan(replay.config, replay.host, Event.APPLY))


def _observed(seen, wanted):
    found = {
        "ipv6_default": seen.ipv6_default,
        "links": {
            name: {"index": one.index, "up": one.up, **({"kind": one.kind} if one.kind else {})}
            for name, one in seen.links.items()
        },
        "addresses": _addresses(seen.addresses),
        "tunnels": {one.name: one.text.partition(f"{one.name} ")[2] for one in seen.tunnels},
        "routes": [one.text.removeprefix("route ") for one in seen.routes],
        "rules": [one.text.removeprefix("rule ") for one in seen.rules],
        "sysctls": dict(seen.sysctls),
        "hearing": dict(seen.hearing),
        "tables": "hidden"
        if seen.tables is None
        else {one.name: _table(one, wanted[one.name]) for one in seen.tables},
        "legacy": list(seen.legacy),
        "default_device": seen.default_device,
    }
    return {key: value for key, value in found.items() if value not in ({}, [], "")}


def _addresses(found):
    by_device = {}
    for one in found:
        text = f"{one.address} deprecated" if one.deprecated else one.address
        by_device.setdefault(one.device, []).append(text)
    return by_device


def _table(loaded, wanted):
    """Return how a loaded table differs from the one that is wanted."""
    how = {} if loaded.intact else {"edited": True}
    old, new = loaded.source().splitlines(), wanted.source().splitlines()
    if old == new:
        return how
    return {**how, "instead": _pairs(old, new)}


def _pairs(old, new):
    """Return the texts of ``new`` by which golden_cases.table makes ``old`` of it."""
    pairs = {}
    matcher = SequenceMatcher(a=old, b=new, autojunk=False)
    for word, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if word != "equal":
            more = int(new_from == new_to or old_from == old_to)  # a line before, to be found
            pairs["\n".join(new[new_from - more : new_to])] = "\n".join(
                old[old_from - more : old_to]
            )
    text = "\n".join(new)
    for now, was in pairs.items():
        text = text.replace(now, was)
    return pairs if text.splitlines() == old else {"\n".join(new): "\n".join(old)}


def _state(state):
    plain, default = {}, RunState()
    for name in PLAIN:
        value = getattr(state, name)
        if value != getattr(default, name):
            plain[name] = list(value) if isinstance(value, tuple) else value
    if state.addresses:
        plain["addresses"] = _addresses(state.addresses)
    if state.health != default.health:
        plain["health"] = state.health._asdict()
    if state.sysctls:
        plain["sysctls"] = {name: dict(values) for name, values in state.sysctls.items()}
    if state.wanted:
        plain["wanted"] = True
        if state.version != __version__:
            plain["version"] = state.version
    return plain


def to_toml(data, path=()):
    """Return ``data`` as TOML: values first, then a table for each object."""
    lines, inner = [], []
    for key, value in data.items():
        if isinstance(value, dict) and value and len(path) < DEEPEST:
            inner.append(to_toml(value, (*path, key)))
        else:
            lines.append(f"{_key(key)} = {_inline(value)}")
    head = [f"[{'.'.join(map(_key, path))}]"] if path and lines else []
    return "\n".join([*head, *lines, *([""] if lines else []), *inner])


def _key(key):
    return key if BARE_KEY.fullmatch(key) else json.dumps(key)


def _inline(value):
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{_key(key)} = {_inline(one)}" for key, one in value.items()) + " }"
            if value
            else "{}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value)


def write(path, name, about, folder=GOLDEN / "plan"):
    """Write the case ``name`` of the report ``path``; return what it cannot say, "" for nothing."""
    replay = dossier.read(path)
    target = folder / name
    target.mkdir()
    (target / "case.toml").write_text(to_toml(case(replay, about)).rstrip("\n") + "\n")
    made = plan_case(name, folder)
    text = shown(make_plan(made.config, made.host(), made.event))
    (target / "plan.txt").write_text(text)
    if text != shown(make_plan(replay.config, replay.host, Event.APPLY)):
        return f"{target}: the plan is another one than the report's: the case cannot say it all"
    return ""


def main(source, name="", about=""):
    """Write the case, and say where it is."""
    if not source:
        return "say which report: make case FROM=FILE"
    try:
        problem = write(
            Path(source),
            name or Path(source).stem,
            about or "A bug report: say in one sentence what it is about.",
        )
    except DualwanError as error:
        return str(error)
    except FileExistsError as error:
        return f"{error.filename} is there already: give another NAME="
    print(f"tests/golden/plan/{name or Path(source).stem}: read it, and edit it")
    return problem or None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
