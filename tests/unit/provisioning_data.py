"""The provisioning answers of tests/data, and those that are too long to be written out."""

import tomllib
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "provisioning"
GOOD = DATA / "good"
REASONS = tomllib.loads((DATA / "refused.toml").read_text())  # why each is refused
RULE = (
    '{"ipv6": "2001:db8:1:2000::/52", "ipv4": "203.0.113.0/24", "ea_length": 12, "psid_offset": 4}'
)
ANSWER = '{"order": ["map_e"], "map_e": {"br": "2001:db8:1::1", "rules": [%s]}%s}\n'
LONG = {
    "deep": "[" * 30000 + "\n",
    "deep-65": '{"order":' + "[" * 64 + "]" * 64 + "}\n",
    "deep-in-a-string": '{"enabler_name": "%s\\"[[["}\n' % ("[" * 5000),
    "deep-closed": '{"order":' + "[" * 15000 + "]" * 15000 + "}\n",
    "ea-huge": ANSWER % (RULE.replace("12", "1" + "0" * 5000), ""),
    "name-too-long": ANSWER % (RULE, f', "service_name": "{"A" * 255}"'),
    "rules-257": ANSWER % (", ".join([RULE] * 257), ""),
}


def good(name):
    """Return an answer that is taken."""
    return (GOOD / f"{name}.json").read_text()


def refused():
    """Return the answers that are refused, as bytes by their name."""
    files = {path.stem: path.read_bytes() for path in sorted((DATA / "refused").iterdir())}
    return {**files, **{name: text.encode() for name, text in LONG.items()}}
