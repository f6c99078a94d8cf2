"""What bash offers after `dualwan-hook`: run by bash itself, and held against argparse."""

import subprocess
from pathlib import Path

import pytest
from commandline import choices, options, parsers

from dualwan import slices
from dualwan.mape import table

COMPLETION = Path(__file__).parents[2] / "packaging/completion/dualwan-hook"
COMMANDS = sorted(set(parsers()) - {""})
FILES = {"(files)"}
# bash-completion's own two functions: the words so far are the arguments, the last is the one
# that is being typed.
OFFER = """\
_init_completion() { words=("${typed[@]}"); cword=$((${#words[@]} - 1));
                     cur=${words[cword]}; prev=${words[cword - 1]}; }
_filedir() { COMPREPLY+=("(files)"); }
source "$1"; shift
typed=(dualwan-hook "$@")
_dualwan_hook
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(*words):
    """Return what is offered for the last of ``words``, as a set."""
    done = subprocess.run(
        ["bash", "-uc", OFFER, "bash", COMPLETION, *words],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    found = done.stdout.split()
    assert len(found) == len(set(found)), "offered twice"
    return set(found)


def test_at_first_every_option_and_every_command():
    """What argparse takes before a command, and each command."""
    assert offered("") == options("") | set(COMMANDS)


@pytest.mark.parametrize(
    "command", [name for name in COMMANDS if name not in {"event", "check", "show"}]
)
def test_after_a_command_its_options(command):
    """Those that argparse takes there; other commands no more, whatever stood before it."""
    for before in ((), ("--json",), ("--config", "file")):
        assert offered(*before, command, "") == options(command)


def test_after_event_its_events():
    """And then the options that go with it."""
    assert offered("event", "") == choices("event", "event")
    assert offered("event", "ifup", "") == options("event")


def test_after_show_what_there_is():
    """And then the options that go with it."""
    assert offered("show", "") == choices("show", "what")
    assert offered("show", "policy", "") == options("show")


def test_after_check_a_file():
    """Or an option, where one has begun."""
    assert offered("check", "") == FILES
    assert offered("check", "-") == options("check")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--slice", {one.name for one in slices.ALL}),
        ("--color", choices("", "color")),
        ("--config", FILES),
        ("--from", FILES),
        ("--output", FILES),
        ("--provider", {"auto", *table.load_table(Path("/nonexistent")).providers}),
    ],
)
def test_after_an_option_its_values(option, words):
    """As argparse and the package's table of rules know them, each after its own option."""
    before = ("mape",) if option == "--provider" else ()
    assert offered(*before, option, "") == words


def test_what_has_begun_narrows_it():
    """Only what goes on like it."""
    assert offered("st") == {"status"}
    assert offered("--slice", "f") == {"firewall"}
    assert offered("event", "ppp-") == {"ppp-up", "ppp-down"}
    assert offered("--d") == {"--dry-run"}
    assert offered("nothing") == set()


def test_it_belongs_to_the_command():
    """Bash calls this function for this command."""
    done = subprocess.run(
        ["bash", "-c", 'source "$1"; complete -p dualwan-hook', "bash", COMPLETION],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "complete -F _dualwan_hook dualwan-hook\n"
