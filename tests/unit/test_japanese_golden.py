"""What a person who reads Japanese sees: tests/golden/ja, for one who writes it to review."""

import re

import pytest
from doctor_cases import OCN, Doctored
from golden_cases import GOLDEN, compare, nft_case
from init_cases import Person, cases
from mape_cases import NO_RULES_D
from status_data import NOON, data

from dualwan import cells, output
from dualwan.catalogue import shown as translated
from dualwan.catalogue import told
from dualwan.commands import common
from dualwan.config import every_error
from dualwan.mape import calculator
from dualwan.model.evidence import Advertisement
from dualwan.report import doctor, policy, status
from dualwan.report.terminal import PLAIN, Terminal

FOLDER = GOLDEN / "ja"
LOOKS = {"plain": PLAIN, "80": Terminal(80, symbols=True), "50": Terminal(50)}
pytestmark = pytest.mark.usefixtures("japanese", "tokyo")


@pytest.mark.parametrize("name", LOOKS)
def test_the_status_is_as_written_down(name):
    """On a terminal of 80 columns, on a narrow one, and in a file."""
    shown = status.text(data(), LOOKS[name], NOON)
    compare(FOLDER / f"status-{name}.txt", shown + "\n")


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("width", [120, 80, 60, 40, 30])
def test_no_line_is_wider_than_the_terminal(width, flushed):
    """A letter of Japanese takes two columns."""
    shown = status.text(data(flushed), Terminal(width, symbols=True), NOON)
    assert max(map(cells.width, shown.splitlines())) <= width


def test_the_policy_is_as_written_down():
    """A table whose columns stand below each other."""
    case = nft_case("zones")
    compare(
        FOLDER / "policy.txt", policy.text(policy.rows(case.config, case.line.ways), 100) + "\n"
    )


@pytest.mark.parametrize("width", [100, 80, 60, 45, 20])
def test_no_row_of_the_policy_is_wider_than_the_terminal(width):
    """Down to where there are no columns left."""
    case = nft_case("own-names-and-services")
    shown = policy.text(policy.rows(case.config, case.line.ways), width)
    assert max(map(cells.width, shown.splitlines())) <= width


def test_what_follows_from_a_prefix_is_as_written_down():
    """With a warning; the origin of the rule is a name, and stays."""
    shown = calculator.render("240b:10:0:10::/60", rules_dir=NO_RULES_D)
    compare(FOLDER / "mape.txt", re.sub(r"mape-rules\.txt:\d+", "mape-rules.txt:N", shown) + "\n")
    as_json = calculator.render("240b:10:0:10::/60", as_json=True, rules_dir=NO_RULES_D)
    assert "as a home gateway's /60 is" in as_json


def _wrong_psid(line):
    line.silent_tunnel(solicited={"2001:db8:0:100:c0:2:1200:200": 3})


def _no_session(line):
    line.hung_up(ppp_log=("PAP authentication failed",))


def _no_prefix(line):
    line.evidence = line.evidence.__class__(**{**vars(line.evidence), "prefixes": ()})
    line.hears(advertisements=(Advertisement("fe80::1", 1800, ()),))


LINES = {
    "well": lambda _line: None,
    "wrong-psid": _wrong_psid,
    "no-session": _no_session,
    "no-prefix": _no_prefix,
    "no-cable": lambda line: line.device("wan0", carrier=False),
}


@pytest.mark.parametrize("name", LINES)
def test_the_diagnosis_is_as_written_down(name):
    """Each check of a line that has this fault."""
    line = Doctored()
    LINES[name](line)
    compare(FOLDER / f"doctor-{name}.txt", doctor.text(line.diagnose(), everything=True) + "\n")


@pytest.mark.parametrize("name", LINES)
def test_no_line_of_a_diagnosis_is_wider_than_the_terminal(name):
    """It goes on in the column of its text."""
    line = Doctored()
    LINES[name](line)
    shown = doctor.text(line.diagnose(), everything=True, terminal=Terminal(60))
    assert max(map(cells.width, shown.splitlines())) <= 60
    assert any(one.startswith(" ") for one in shown.splitlines())


def test_a_line_with_a_rule_is_as_written_down():
    """By the table of rules, with a prefix of OCN that the configuration does not have."""
    line = Doctored(prefixes=(OCN,))
    compare(
        FOLDER / "doctor-another-line.txt", doctor.text(line.diagnose(), everything=True) + "\n"
    )


def test_all_errors_of_a_file_are_as_written_down():
    """File, line and key as in English, and the code with which the log has them."""
    text = (GOLDEN / "errors" / "dualwan.toml").read_text()
    found = every_error.of_text("dualwan.toml", text, {})
    compare(FOLDER / "errors.txt", "".join(f"{told(line)}\n" for line in found.lines))


class Reader(Person):
    """The person of a case, at a terminal that shows Japanese."""

    def say(self, line=""):
        """Read ``line``."""
        super().say(translated(line))

    def ask(self, question):
        """Read ``question``, and answer it."""
        return super().ask(translated(question))


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_the_dialogue_is_as_written_down(case, talk, monkeypatch):
    """All that `init` shows and asks."""
    monkeypatch.setattr("dualwan.cli.catalogue.begin", lambda *_: False)
    monkeypatch.setattr("init_cases.Person", Reader)
    code, shown, _, _ = talk(case)
    assert code == 0
    compare(FOLDER / f"init-{case.name}.txt", shown)


def test_a_complaint_and_what_is_shown_are_japanese(capsys):
    """On standard error with the name of the program, on standard output without."""
    from dualwan.words import say  # noqa: PLC0415 - beside what it is about

    common.complain(say("MAP-E is in use"))
    output.show(say("all is well"))
    out, err = capsys.readouterr()
    assert err.startswith("dualwan-hook: MAP-Eを使っています [DW-")
    assert out == "すべて正常です\n"
