import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mape_cases import DATA, NO_RULES_D, load
from nft_text import folded

from dualwan.errors import ConfigError, MapeError
from dualwan.mape import calculator
from dualwan.mape.calculator import render

GOLDEN = sorted((DATA / "calculator").glob("*.txt"))


@pytest.mark.parametrize("case", GOLDEN, ids=lambda path: path.stem)
def test_golden_output(case):
    """The output for a person is what the file says; its first line is the command's arguments."""
    command, _, expected = case.read_text().partition("\n")
    prefix, _, provider = command.removeprefix("$ dualwan-hook mape ").partition(" --provider ")
    try:
        shown = render(prefix, provider or "auto", rules_dir=NO_RULES_D)
    except MapeError as error:
        shown = f"error: {error}"
    # The line of a rule in the table moves when the table grows.
    assert folded(re.sub(r"mape-rules\.txt:\d+", "mape-rules.txt:N", shown)) == expected


@pytest.mark.parametrize("case", load("providers", "case"))
def test_json_has_the_same_values(case):
    """JSON has the same values under the names of the configuration."""
    found = json.loads(render(case["prefix"], as_json=True, rules_dir=NO_RULES_D))
    assert {key: found[key] for key in ("ipv4", "psid", "ce", "br")} == {
        key: case[key] for key in ("ipv4", "psid", "ce", "br")
    }
    assert "{}-{}".format(*found["ranges"][0]) == case["first"]
    assert len(found["ranges"]) == case["ranges"]
    assert found["ports"] == sum(high - low + 1 for low, high in found["ranges"])
    assert found["rule"]["provider"] == case["provider"]
    assert "as collected 2026-11" in found["rule"]["source"]
    assert (found["shared"], found["warnings"]) == (True, [])


def test_json_has_the_keys_that_scripts_know():
    """The keys of the JSON are a promise to scripts."""
    found = json.loads(render(" 240b:10::/56 ", as_json=True, rules_dir=NO_RULES_D))
    assert " ".join(found) == (
        "given prefix ipv4 shared psid psid-offset psid-length ce br ports ranges rule warnings"
    )
    assert " ".join(found["rule"]) == (
        "provider ipv6-prefix ipv4-prefix ea-length psid-offset layout source"
    )


def test_json_has_the_warning_too():
    """A prefix behind a home gateway has its warning in JSON too."""
    found = json.loads(render("240b:10:0:10::/60", as_json=True, rules_dir=NO_RULES_D))
    assert found["given"] == "240b:10:0:10::/60"
    assert "home gateway" in found["warnings"][0]


def test_own_rule_without_sharing(tmp_path):
    """A rule of rules.d for a whole address is shown as not shared, with its file."""
    (tmp_path / "own.toml").write_text(
        '[[rule]]\nprovider = "own"\nipv6-prefix = "2001:db8:12:3400::/56"\n'
        'ipv4-prefix = "192.0.2.18/32"\nea-length = 0\nbr = "2001:db8::1"\nlayout = "rfc"\n'
    )
    shown = render("2001:db8:12:3400::/64", rules_dir=tmp_path)
    assert "192.0.2.18 (not shared)" in shown
    assert "64512 in 1 range\n" in shown
    assert f"{tmp_path}/own.toml:1" in shown


def test_errors_come_through(tmp_path):
    """No prefix, no rule and a wrong rules.d are the errors that the command line shows."""
    with pytest.raises(MapeError, match="is not an IPv6 prefix"):
        render("here", rules_dir=NO_RULES_D)
    with pytest.raises(MapeError, match="2409: is not a virtual-connect prefix"):
        render("2409::/56", rules_dir=NO_RULES_D)
    (tmp_path / "own.toml").write_text("=")
    with pytest.raises(ConfigError):
        render("240b:10::/56", rules_dir=tmp_path)


def test_loads_nothing_heavy():
    """The answer needs none of the packages that make the rest of the program slow to start."""
    program = (
        "import sys; from dualwan.mape.calculator import render; from pathlib import Path;"
        f"render('240b:10::/56', rules_dir=Path({str(NO_RULES_D)!r}));"
        "print(*sys.modules)"
    )
    source = str(Path(calculator.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {
        "dns",
        "pyroute2",
        "structlog",
        "pyudev",
        "tomli",
        "nftables",
        "dataclasses",
        "inspect",
    }
    assert not heavy & set(done.stdout.split())
