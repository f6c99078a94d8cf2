"""Configurations with an error in them, and what is said of it."""

import re

import pytest
from machine import BASE

from dualwan.config import from_text
from dualwan.errors import ConfigError


def refusal(text):
    """Return line and message with which TEXT is refused."""
    with pytest.raises(ConfigError) as caught:
        from_text("dualwan.toml", text)
    assert caught.value.exit_code == 3
    message = str(caught.value)
    found = re.fullmatch(r"dualwan\.toml:(\d+): (.*)", message)
    assert found, f"does not start with file and line, or takes more than one: {message}"
    return int(found[1]), found[2]


def changed(old, new):
    """Return BASE with NEW in place of OLD, and the line that it stands on."""
    assert old in BASE
    return BASE.replace(old, new), BASE[: BASE.index(old)].count("\n") + 1
