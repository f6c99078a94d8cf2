"""Configurations written in ways that nobody expects: one clear error, at the right line."""

import pytest
from machine import BASE

from dualwan.config import from_text
from dualwan.errors import ConfigError

NO_WAN = BASE.replace('[wan]\ninterface = "wan0"\n', "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BASE.replace("psid-length", "psid-lenght"), "unknown key 'psid-lenght'; did you mean"),
        ("\n\ninterface = 1\n" + BASE, "^f:3:"),
        ("# x\nwan.interface = 7\n" + NO_WAN, "^f:2:"),
        ("# x\nwan = { interface = 7 }\n" + NO_WAN, "^f:2:"),
        ("a = [1,\n", "^f:1: not valid TOML"),
        ("# a\u2028b\nbogus = 1\n" + BASE, "^f:2:"),
        (BASE.replace("psid = 1", "psid = " + "1" * 5000), "too long or too deep"),
        (BASE.replace("psid = 1", "psid = " + "[" * 5000), "too long or too deep"),
        (BASE.replace("wan0", "all"), "every interface"),
        (BASE.replace("wan0", "default"), "every interface"),
        (BASE.replace("192.0.2.18", "255.255.255.255"), "cannot be the address of a line"),
        (BASE.replace("192.0.2.18", "169.254.1.1"), "cannot be the address of a line"),
    ],
)
def test_the_error_names_line_and_reason(text, message):
    """A misspelled, misplaced, endless or impossible value."""
    with pytest.raises(ConfigError, match=message):
        from_text("f", text)
