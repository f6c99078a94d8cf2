"""What bash and zsh offer after `dualwan-hook`: made of the parser, and run by the shells."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import choices, options, parsers

from dualwan import slices
from dualwan.mape import table

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "packaging/completion"
COMPLETION = FOLDER / "dualwan-hook"
COMMANDS = sorted(set(parsers()) - {""})
FILES = {"one.toml", "two"}
PROVIDERS = {"auto", *table.load_table(Path("/nonexistent")).providers}
# The last of the arguments is the word that is being typed.
OFFER = """\
source "$1"; shift
COMP_WORDS=(dualwan-hook "$@") COMP_CWORD=$#
_dualwan_hook
printf '%s\\n' "${COMPREPLY[@]}"
"""
# A person's shell that says what it would run.
PROMPT = "at your service"
SHELLS = {
    "bash": (
        (
            ".bashrc",
            "bind 'set enable-bracketed-paste off'\nPS1=$READY\nsource $FOLDER/dualwan-hook\n",
        ),
        ["bash", "--noprofile", "--rcfile", ".bashrc", "-i"],
    ),
    "zsh": (
        (
            ".zshrc",
            "PS1=$READY\nunsetopt PROMPT_SP\nfpath=($FOLDER $fpath)\n"
            "autoload -Uz compinit && compinit -D -u\n",
        ),
        ["zsh", "-d", "-i"],
    ),
}
SHOWS = "dualwan-hook() { printf 'ran <%s>\\n' \"$*\"; }\n"


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch):
    """Stand in a folder with two files."""
    for name in FILES:
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)


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


def typed(shell, lines, folder):
    """Type ``lines`` into a ``shell`` on a terminal; return what it runs for each."""
    (name, text), argv = SHELLS[shell]
    home = folder / "home"
    home.mkdir()
    (home / name).write_text(text + SHOWS)
    argv = [str(home / word) if word == name else word for word in argv]
    pid, terminal = pty.fork()
    if pid == 0:
        environment = {
            "PATH": os.environ["PATH"],
            "TERM": "dumb",
            "LC_ALL": "C.UTF-8",
            "HOME": str(home),
            "ZDOTDIR": str(home),
            "READY": PROMPT,
            "FOLDER": str(FOLDER),
        }
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - a shell on a terminal of its own
    ran = []
    said = _until(terminal, PROMPT, "")
    for line in lines:
        os.write(terminal, f"{line}\t\n".encode())
        said = _until(terminal, "ran <", said.rpartition(PROMPT)[2])
        said = _until(terminal, ">", said.partition("ran <")[2])
        ran.append(said.partition(">")[0].strip())
        said = _until(terminal, PROMPT, said.partition(">")[2])
    os.close(terminal)
    os.waitpid(pid, 0)
    return ran


def _until(terminal, mark, said):
    while mark not in said:
        said += os.read(terminal, 4096).decode(errors="replace")
    return said


def test_both_are_made_of_the_parser(tmp_path):
    """`make completion` would change nothing."""
    made = tmp_path / "made"
    made.mkdir()
    subprocess.run([sys.executable, "-B", ROOT / "packaging/completions", made], check=True)
    for file in FOLDER.iterdir():
        assert (made / file.name).read_text() == file.read_text(), "run `make completion`"
    assert len([*made.iterdir()]) == len([*FOLDER.iterdir()])


def test_zsh_knows_every_command_and_option():
    """And what stands for each, where that is a list of words."""
    head, *parts = re.split(
        r"^        ([a-z]+)\)$", (FOLDER / "_dualwan-hook").read_text(), flags=re.MULTILINE
    )
    known = {"": head, **dict(zip(parts[::2], parts[1::2], strict=True))}
    assert {*known} == {*parsers()}
    for command, text in known.items():
        assert set(re.findall(r"^ +'(?:\(.*?\)|\*)(-[a-z-]+)", text, re.MULTILINE)) == options(
            command
        )
    assert f":({' '.join(one.name for one in slices.ALL)})'" in head
    for command, argument in (("event", "event"), ("show", "what")):
        (words,) = re.findall(r"'1:argument:\((.*)\)'", known[command])
        assert set(words.split()) == choices(command, argument)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_tab_key_completes(shell, tmp_path):
    """Commands, options, their words, events and files, in a shell on a terminal."""
    lines = {
        "dualwan-hook stat": "status",
        "dualwan-hook --exit": "--exit-code",
        "dualwan-hook --slice fire": "--slice firewall",
        "dualwan-hook --json event ppp-u": "--json event ppp-up",
        "dualwan-hook show pol": "show policy",
        "dualwan-hook status --prom": "status --prometheus",
        "dualwan-hook mape --provider v6": "mape --provider v6plus",
        "dualwan-hook --color alw": "--color always",
        "dualwan-hook --config=on": "--config=one.toml",
        "dualwan-hook check on": "check one.toml",
        "dualwan-hook nothi": "nothi",
    }
    assert typed(shell, lines, tmp_path) == list(lines.values())


def test_at_first_every_option_and_every_command():
    """What argparse takes before a command, and each command."""
    assert offered("") == options("") | set(COMMANDS)


@pytest.mark.parametrize(
    "command", [name for name in COMMANDS if name not in {"event", "check", "show", "role"}]
)
def test_after_a_command_its_options(command):
    """Those that argparse takes there; other commands no more, whatever stood before it."""
    for before in ((), ("--json",), ("--config", "file"), ("--config", "=", "file")):
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
    ("before", "words"),
    [
        (("--slice",), {one.name for one in slices.ALL}),
        (("--color",), choices("", "color")),
        (("--color", "="), choices("", "color")),
        (("--config",), FILES),
        (("--from",), FILES),
        (("report", "--output"), FILES),
        (("mape", "--provider"), PROVIDERS),
        (("init", "--provider"), PROVIDERS | {"manual"}),
        (("init", "--wan"), {path.name for path in Path("/sys/class/net").iterdir()}),
        (("try", "--timeout"), set()),
    ],
)
def test_after_an_option_its_values(before, words):
    """As argparse, the package's table of rules and the kernel know them."""
    assert offered(*before, "") == words


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
