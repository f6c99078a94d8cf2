"""The JSON of `status` is what the schema in the package says, and the types say."""

import json
import typing
from importlib import resources

import jsonschema
import pytest
from golden_cases import nft_cases
from machine import Machine
from machine import run as happen
from status_data import FLOWS, LOG

from dualwan.model.event import Event
from dualwan.model.usage import Losses, Usage
from dualwan.planning import make_plan
from dualwan.report import data, status

SCHEMA = json.loads(resources.files("dualwan.report").joinpath("status.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def check(text):
    """Check the JSON ``text``; return it as data."""
    found = json.loads(text)
    VALIDATOR.validate(found)
    return found


def test_the_schema_is_one():
    """Of the draft that it names."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("case", nft_cases(), ids=lambda case: case.name)
def test_the_status_of_each_configuration_is_valid(case):
    """With and without a port set, and flows, on a bare machine and on one that is up."""
    cfg, line = case.config, case.line
    machine = Machine(cfg.wan.interface, *cfg.lan.devices)
    machine.announced = case.announced
    softwire = line.softwire
    used = Usage(FLOWS, Losses({"192.168.1.5": 2}, 1, 1)) if softwire else None
    for log in (None, LOG):
        plan = make_plan(cfg, machine, Event.APPLY)
        found = status.as_data(cfg, plan, used, unnamed={"wg0": 3}, watched=True, log=log)
        check(json.dumps(found))
        happen(machine, cfg, Event.APPLY)


def test_the_status_that_is_printed_is_valid(run, machine):
    """Before, after, and with what another program did."""
    check(run("status", "--json")[1])
    machine.connect("203.0.113.7")
    machine.logged = LOG
    run()
    assert check(run("status", "--json")[1])["last"]["event"] == "ppp-up"
    machine.flush_ruleset()
    check(run("status", "--json")[1])


def properties(schema):
    """Return the properties of a schema of an object, behind a reference or beside null."""
    if "$ref" in schema:
        return properties(SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]])
    for one in schema.get("anyOf", ()):
        if one != {"type": "null"}:
            return properties(one)
    if schema.get("type") == "array":
        return properties(schema["items"])
    if "properties" not in schema and isinstance(schema.get("additionalProperties"), dict):
        return properties(schema["additionalProperties"])
    return schema.get("properties")


def typed(kind):
    """Return the TypedDict in an annotation, None without one."""
    if typing.is_typeddict(kind):
        return kind
    return next((found for one in typing.get_args(kind) if (found := typed(one))), None)


def test_the_schema_has_the_keys_of_the_types():
    """At each level, no fewer and no more."""
    open_ = [(data.StatusData, SCHEMA)]
    seen = 0
    while open_:
        kind, schema = open_.pop()
        hints = typing.get_type_hints(kind)
        inner = properties(schema)
        assert set(inner) == set(hints), kind
        seen += 1
        open_ += [(found, inner[key]) for key, hint in hints.items() if (found := typed(hint))]
    assert seen > 10


@pytest.mark.parametrize("key", ["works", "wan", "open", "last"])
def test_what_is_missing_or_too_much_is_invalid(run, key):
    """The schema says something."""
    found = json.loads(run("status", "--json")[1])
    left_out = {name: value for name, value in found.items() if name != key}
    assert not VALIDATOR.is_valid(left_out)
    assert not VALIDATOR.is_valid({**found, "more": 1})
    assert VALIDATOR.is_valid(found)
