"""The command `show`: the rules of a slice, and the policy in words."""

import json
from dataclasses import replace

import pytest
from golden_cases import GOLDEN, compare, nft_case
from machine import BASE
from machine import config as config_of
from way_texts import many

from dualwan.config.forwards import MAPE
from dualwan.line import derive_line
from dualwan.report import policy

COLUMNS = 100
CASES = (
    "128-ports",
    "own-names-and-services",
    "forwards",
    "via-pppoe",
    "policies",
    "failover",
    "one-nic",
    "open-nat",
    "ipip",
    "ds-lite",
    "no-prefix-yet",
    "zones",
)


@pytest.mark.parametrize("name", CASES)
def test_the_policy_is_as_written_down(name):
    """A configuration and a line in words, for a person to review."""
    case = nft_case(name)
    rows = policy.rows(case.config, case.line.ways)
    compare(GOLDEN / "policy" / f"{name}.txt", policy.text(rows, COLUMNS) + "\n")


@pytest.mark.parametrize("name", CASES)
def test_the_policy_names_all_that_the_configuration_opens(name):
    """Each service and each forward has a row, and nothing is accepted after the last one."""
    case = nft_case(name)
    rows = policy.rows(case.config, case.line.ways)
    said = [(one.source.split(",")[0], one.what.split(" ")[0]) for one in rows]
    for one in case.config.firewall.inbound:
        for via in one.via:
            way = "IPv6" if via == "ipv6" else "PPPoE"
            assert any(source.endswith(way) and what == one.service.name for source, what in said)
    for forward in case.config.forwards:
        what = f"{forward.protocol}/{forward.port}"
        found = [one for one in rows if one.what == what and str(forward.to) in one.destination]
        assert found
        assert all(one.result == "accepted" for one in found) or forward.via == MAPE
    assert (rows[-1].source, rows[-1].result) == ("anywhere", "dropped")
    assert ("impossible TCP flags" in rows[0].what) == (case.config.firewall.bogus == "drop")


def test_a_forward_without_a_port_of_the_line_is_dropped():
    """As the plan says it: the port set is known only now."""
    case = nft_case("forwards")
    wrong = tuple(replace(one, port=1) if one.via == MAPE else one for one in case.config.forwards)
    rows = policy.rows(replace(case.config, forwards=wrong), case.line.ways)
    assert "no port of this line" in next(one.result for one in rows if one.what.endswith("/1"))


@pytest.mark.parametrize("width", [None, 100, 80, 60, 45, 20])
def test_the_width_is_respected(width):
    """Down to where there are no columns left."""
    case = nft_case("own-names-and-services")
    shown = policy.text(policy.rows(case.config, case.line.ways), width)
    assert width is None or max(map(len, shown.splitlines())) <= width


@pytest.mark.parametrize("name", ["firewall", "snat", "pbr"])
def test_rules_are_shown_as_they_would_be_and_as_they_are(run, machine, name):
    """The first line says which; the rest is what nft reads."""
    out = run("show", name)[1]
    head, *lines = out.splitlines()
    assert head.startswith("# nft table ")
    assert head.endswith(f"dualwan_{name}: not loaded; this is what would be")
    run()
    (table,) = (one for one in machine.state.tables if one.name == f"dualwan_{name}")
    after = run("show", name)[1]
    assert after.splitlines()[0].endswith(": loaded")
    assert after.endswith(table.source())
    assert [line for line in lines if not line.startswith("#")] == table.source().splitlines()
    assert 'comment "' in after


def test_what_another_program_changed_is_said(run, machine, config):
    """And what an event would load in its place."""
    run()
    config.write_text(BASE.replace("psid = 1", "psid = 2"))
    assert ": another one is loaded" in run("show", "snat")[1].splitlines()[0]
    config.write_text(BASE)
    tables = (replace(one, intact="snat" not in one.name) for one in machine.state.tables)
    machine.state = replace(machine.state, tables=tuple(tables))
    assert "another program has changed it" in run("show", "snat")[1].splitlines()[0]


def test_rules_and_routes_of_pbr_stand_before_its_table(run, machine):
    """With their signs, as comments."""
    machine.connect("203.0.113.7")
    comments = [line for line in run("show", "pbr")[1].splitlines() if line.startswith("# + ")]
    assert "# + route default dev ppp0 table 100" in comments
    assert "# + rule 100: from 203.0.113.7 lookup 100" in comments


def test_show_as_json(run):
    """For programs."""
    data = json.loads(run("show", "snat", "--json")[1])
    assert data["table"] == "nft table ip dualwan_snat"
    assert data["source"].startswith("table ip dualwan_snat {")
    rows = json.loads(run("show", "policy", "--json")[1])
    assert set(rows[0]) == {"from", "to", "what", "result"}
    assert rows[-1]["result"] == "dropped"


def test_the_dry_run_shows_what_is_in_a_new_table_only_if_asked(run):
    """With -v, each line with its sign."""
    assert "+ chain input {" not in run("--dry-run")[1]
    out = run("--dry-run", "-v")[1]
    assert "      + chain input {" in out
    assert "comment" in out


@pytest.mark.parametrize(
    ("argv", "environ", "coloured"),
    [
        ((), {}, False),
        (("--color", "always"), {}, True),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "never"), {}, False),
    ],
)
def test_colour_without_a_terminal(run, monkeypatch, argv, environ, coloured):
    """Only where it was asked for."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in run("--dry-run", *argv)[1]) is coloured


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("", True), ("1", False)])
def test_colour_on_a_terminal(run, monkeypatch, no_color, coloured):
    """Unless NO_COLOR is set, and not empty (no-color.org)."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    else:
        monkeypatch.delenv("NO_COLOR", raising=False)
    assert ("\x1b[" in run("--dry-run")[1]) is coloured


def test_ways_that_stand_in_for_map_e_are_one_row_in_their_order():
    """The first row that covers a packet counts, so that a second one never would."""
    cfg = config_of(many("second").replace("[wan]\n", "[wan]\nfailover = true\n"))
    failed = [
        one.result for one in policy.rows(cfg, derive_line(cfg).ways) if "does not work" in one.what
    ]
    assert failed == ["by PPPoE (ppp0); while that is down by second (ppp1)"]
