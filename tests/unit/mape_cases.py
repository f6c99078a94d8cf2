"""The MAP-E data of tests/data/mape as pytest parameters."""

import tomllib
from pathlib import Path

import pytest

from dualwan.mape.rule import MapRule

DATA = Path(__file__).parents[1] / "data" / "mape"
NO_RULES_D = DATA / "there-is-no-rules.d"


def load(name, kind):
    """Return the tables ``kind`` of the file ``name``, each named in pytest's output."""
    tables = tomllib.loads((DATA / f"{name}.toml").read_text())[kind]
    return [pytest.param(table, id=str(table.get("name", table))) for table in tables]


def rule_of(fields):
    """Make the rule that a case file writes as five values."""
    v6, v4, ea_length, psid_offset, layout = fields
    return MapRule(v6, v4, ea_length, psid_offset, None, layout)
