"""`status` on a terminal: width, colour, symbols, bars; and again and again."""

import io
import re
from argparse import Namespace

import pytest
from golden_cases import GOLDEN, compare, nft_case
from machine import BASE, config
from status_data import LOG, NOON, data

from dualwan.commands import common, look
from dualwan.model.log import LastEvent, LogLine, last_event
from dualwan.report import opened, status
from dualwan.report.layout import table, wrapped
from dualwan.report.terminal import PLAIN, Terminal, bar

COLOUR = re.compile("\x1b\\[[0-9;]*m")
LOOKS = {
    "plain": PLAIN,
    "80": Terminal(80, symbols=True),
    "50-ascii": Terminal(50),
}
pytestmark = pytest.mark.usefixtures("tokyo")


@pytest.mark.parametrize("name", LOOKS)
def test_the_status_is_as_written_down(name):
    """On a terminal of 80 columns, on a narrow one without UTF-8, and in a file."""
    shown = status.text(data(), LOOKS[name], NOON)
    compare(GOLDEN / "status" / f"{name}.txt", shown + "\n")


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("width", [120, 80, 60, 40, 30])
def test_no_line_is_longer_than_the_terminal(width, flushed):
    """Colours take no room."""
    shown = status.text(data(flushed), Terminal(width, colour=True, symbols=True), NOON)
    assert max(len(COLOUR.sub("", line)) for line in shown.splitlines()) <= width


def test_only_titles_are_coloured():
    """By what they say; without colour the text is the same."""
    coloured = status.text(data(), Terminal(80, colour=True, symbols=True), NOON)
    assert "\x1b[31m\N{BALLOT X} broken\x1b[0m " in coloured
    assert "\x1b[32m\N{CHECK MARK} WAN\x1b[0m " in coloured
    assert COLOUR.sub("", coloured) == status.text(data(), LOOKS["80"], NOON)
    assert "\x1b" not in status.text(data(), PLAIN, NOON)


@pytest.mark.parametrize(
    ("part", "full"), [(0, 0), (1, 1), (50, 1), (500, 10), (999, 19), (1000, 20)]
)
def test_a_bar_is_full_only_if_all_is_used(part, full):
    """And empty only if nothing is."""
    assert bar(part, 1000, Terminal(80), 30) == "#" * full + "." * (20 - full)


def test_a_bar_gives_way_to_its_numbers():
    """Down to five cells."""
    assert len(bar(1, 2, Terminal(45), 30)) == 15
    assert len(bar(1, 2, Terminal(20), 30)) == 5
    assert set(bar(1, 2, Terminal(80, symbols=True), 30)) == {"\N{FULL BLOCK}", "\N{LIGHT SHADE}"}


def test_what_is_open_is_told_by_way():
    """Services, forwards and pinholes, with networks and guard; or that nothing is."""
    for name in ("own-names-and-services", "forwards"):
        case = nft_case(name)
        found = opened.as_data(case.config, case.line.ways)
        asked = [via for one in case.config.firewall.inbound for via in one.via]
        assert len(found) == len(asked) + len(case.config.forwards)
    case = nft_case("forwards")
    said = opened.words(opened.as_data(case.config, case.line.ways))
    assert any("tcp/" in line and " to 192.168." in line for line in said)
    closed = config(BASE + "[firewall]\ninbound = []\n")
    assert opened.words(opened.as_data(closed, case.line.ways)) == ["nothing"]


def test_the_last_event_is_the_last_that_the_log_names():
    """With the lines of its process; what else the log has is left out."""
    assert last_event(LOG) == LastEvent("ppp-up", LOG[2].time, 2)
    failed = LogLine(5.0, 9, True, "pon x failed with code 1 (cause=ifup (before))")
    other = LogLine(6.0, 9, False, "something else")
    assert last_event((*LOG, failed, other)) == LastEvent(
        "ifup (before)", 5.0, 0, "pon x failed with code 1"
    )
    assert last_event(()) is None
    assert last_event((other,)) is None


def test_without_a_log_there_is_no_last_event(run, machine):
    """A user may not read it."""
    machine.logged = None
    assert "\nlast " not in run("status")[1]
    machine.logged = LOG
    assert re.search(
        r"\nlast     ppp-up at 2026-11-26 11:58:00, .* ago: 2 changes\n", run("status")[1]
    )


def test_the_watch_shows_it_again_until_ctrl_c(run, monkeypatch):
    """Two seconds later, and ends well."""
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    code, out, _ = run("status", "--watch")
    assert code == 0
    assert pauses == [look.WATCH_SECONDS] * 2
    assert out.count("WAN      wan0") == 2
    assert look.CLEAR not in out


@pytest.mark.parametrize("other", ["--json", "--prometheus"])
def test_the_watch_is_for_a_person(run, other):
    """Programs ask again themselves."""
    code, out, err = run("status", "--watch", other)
    assert (code, out) == (2, "")
    assert "--watch goes with neither" in err


def test_the_watch_shows_no_more_lines_than_the_terminal_has(monkeypatch):
    """The first ones are the important ones."""
    monkeypatch.setenv("LINES", "5")
    monkeypatch.setenv("COLUMNS", "80")
    shown = look._screen("\n".join("abcdefgh"))  # noqa: SLF001 - of _watch, which does not end
    assert shown == look.CLEAR + "a\nb\nc\n... and 5 lines more"
    assert look._screen("a\nb") == look.CLEAR + "a\nb"  # noqa: SLF001 - see above


@pytest.mark.parametrize(
    ("tty", "encoding", "symbols"),
    [(True, "utf-8", True), (True, "ascii", False), (False, "utf-8", False)],
)
def test_symbols_and_width_are_those_of_a_terminal(monkeypatch, tty, encoding, symbols):
    """Of a file neither is asked."""

    class Stream(io.StringIO):
        def isatty(self):
            return tty

    monkeypatch.setattr(Stream, "encoding", encoding, raising=False)
    monkeypatch.setattr("sys.stdout", Stream())
    monkeypatch.setenv("COLUMNS", "44")
    monkeypatch.delenv("NO_COLOR", raising=False)
    found = common.terminal(Namespace(color="auto"))
    assert found == Terminal(44 if tty else None, tty, symbols)


def test_a_text_is_broken_between_words():
    """And a long title stays before it."""
    assert wrapped("a", "b c d", None, 3) == ["a  b c d"]
    assert wrapped("a", "b c d", 8, 3) == ["a  b c d"]
    assert wrapped("a", "one two three four", 15, 3) == ["a  one two", "   three four"]


def test_a_table_without_room_for_columns_is_a_list():
    """A cell a line."""
    rows = [("one", "a text of some length"), ("two", "b")]
    assert table(("n", "what"), rows, 20)[:2] == ["n    one", "what a text of some"]
    wide = table(("n", "what"), rows, 40)
    assert wide[0].split() == ["n", "what"]
