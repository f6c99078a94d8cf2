"""The golden cases of tests/cases/mape as pytest parameters."""

import tomllib
from pathlib import Path

import pytest

from dualwan.mape.rule import MapRule

CASES = Path(__file__).parents[1] / "cases" / "mape"
NO_RULES_D = CASES / "there-is-no-rules.d"


def load(name, kind):
    """Return the [[KIND]] tables of NAME.toml, each named in pytest's output."""
    tables = tomllib.loads((CASES / f"{name}.toml").read_text())[kind]
    return [pytest.param(table, id=str(table.get("name", table))) for table in tables]


def rule_of(fields):
    """Make the rule that a case file writes as five values."""
    v6, v4, ea_length, psid_offset, layout = fields
    return MapRule(v6, v4, ea_length, psid_offset, None, layout)
