"""Configurations of one subject, and of those with an error what is said of it."""

import re

import pytest
from machine import BASE

from dualwan.config import every_error, from_text
from dualwan.errors import ConfigError

# One that is refused, at line 12: its PSID has more bits than its length.
WRONG = BASE.replace("psid = 1", "psid = 64")
# One whose default way is replaced while no ping is answered.
PROBED = BASE.replace(
    "[lan]",
    """failover = true
probe = ["198.51.100.1", "198.51.100.2"]
hold-down = 300

[lan]""",
)
# A line whose CE parameters come from a rule, and one that dials PPPoE beside it.
BY_RULE = """\
[wan]
interface = "wan0"
[lan]
interfaces = ["lan0"]
[mape]
br = "2001:db8:ffff::9"
[mape.rule]
ipv6-prefix = "2001:db8::/40"
ipv4-prefix = "192.0.2.0/24"
ea-length = 16
psid-offset = 6
layout = "rfc"
"""
# The rule is found by the prefix that the line announces.
AUTO = """\
[wan]
interface = "wan0"
[lan]
interfaces = ["lan0"]
[mape]
wait = 0
[pppoe]
dial = false
"""
DIALS_BY_RULE = (
    BASE.split("[mape]", maxsplit=1)[0]
    + """\
[mape]
br = "2001:db8:ffff::9"
[mape.rule]
ipv6-prefix = "2001:db8::/40"
ipv4-prefix = "192.0.2.0/24"
ea-length = 16
[pppoe]
dial = true
"""
)


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


def assert_refused(old, new, says):
    """Assert that BASE with NEW in place of OLD is refused at that place, with words of SAYS."""
    text, line = changed(old, new)
    at, message = refusal(text)
    assert says in message
    assert line <= at <= line + new.count("\n")


def errors(text):
    """Return line and message of all errors of ``text``."""
    found = every_error.of_text("f", text, {})
    return [
        (int(line), message)
        for one in (found.lines if found else ())
        for line, message in re.findall(r"^f:(\d+): (.*)$", one)
    ]
