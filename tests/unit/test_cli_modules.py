"""What a command of a person's loads before it answers: no more than the answer needs."""

import os
import subprocess
import sys

import pytest

from dualwan import options, slices

RUN = """\
import sys
from dualwan.cli import main
try:
    main(sys.argv[1:])
finally:
    print("loaded:", *sys.modules)
"""


def loaded(*words, **environ):
    """Return the modules that the command has loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *words],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
    )
    return set(done.stdout.rpartition("loaded:")[2].split())


def ours(*words, **environ):
    """Return those of our modules that the command has loaded at its end."""
    return {name for name in loaded(*words, **environ) if name.split(".")[0] == "dualwan"}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["check", "--help"]])
def test_a_question_about_the_command_loads_no_part_of_it(words):
    """Neither slices nor configuration nor log; nor what argparse finds a terminal's width with."""
    assert ours(*words) == {
        "dualwan",
        *("dualwan.cli", "dualwan.errors", "dualwan.frozen", "dualwan.options", "dualwan.output"),
        *("dualwan.catalogue", "dualwan.cells", "dualwan.paths", "dualwan.words"),
    }
    assert "shutil" not in loaded(*words)


def test_the_slices_are_named_in_the_order_of_the_registry():
    """The command line has their names for itself, lest it load them."""
    assert [one.name for one in slices.ALL] == [*options.SLICES]


@pytest.mark.parametrize(
    ("environ", "most"), [({"COLUMNS": "60"}, 60), ({"COLUMNS": "0"}, 80), ({"COLUMNS": "x"}, 80)]
)
def test_help_is_as_wide_as_the_terminal(environ, most):
    """By COLUMNS, or 80 where neither that nor a terminal says anything else."""
    done = subprocess.run(
        [sys.executable, "-m", "dualwan.cli", "--help"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
    )
    assert most - 12 < max(map(len, done.stdout.splitlines())) <= most
