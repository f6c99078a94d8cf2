"""How a part of another package is loaded: without the package's own start, or with it."""

import json
import os
import subprocess
import sys

import pytest

from dualwan import unstarted

TELL = """\
import json, sys
from dualwan import unstarted
made = unstarted.load("whole.inner.part", "Part")
print(json.dumps([made.__module__, sorted(
    name for name in sys.modules if name.partition(".")[0] == "whole")]))
"""
PART = """\
from whole.inner import WORD
class Part:
    pass
"""
FILES = {
    "__init__.py": "raise AssertionError('the package was started')\n",
    "inner/__init__.py": "WORD = 1\n",
    "inner/part.py": PART,
}
STARTED = "from whole.inner import part\npart.Part = type('Part', (), {'__module__': 'started'})\n"


@pytest.fixture(name="load")
def _load(tmp_path):
    """Return a function that loads a part of a package with FILES changed.

    It returns the finished process. ``before`` and ``after`` are Python that it runs besides.
    """

    def load(before="", after="", **changed):
        for name, text in {**FILES, **changed}.items():
            path = tmp_path / "whole" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                path.write_text(text)
        path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
        return subprocess.run(
            [sys.executable, "-B", "-c", before + TELL + after],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )

    return load


def test_a_layout_that_is_known_is_taken_directly(load):
    """`__init__.py` is not run, whatever it would do."""
    done = load()
    assert done.stderr == ""
    module, loaded = json.loads(done.stdout)
    assert module == "whole.inner.part"
    assert loaded == ["whole", "whole.inner", "whole.inner.part"]


@pytest.mark.parametrize(
    "part",
    [
        pytest.param("", id="the class is made at the start"),
        pytest.param("import whole\nwhole.config\n" + PART, id="it needs what the start provides"),
    ],
)
def test_a_layout_that_is_not_known_is_imported_as_usual(load, part):
    """Whole, and anew: what was loaded of it on the short way is forgotten."""
    done = load(**{"__init__.py": f"config = 1\n{STARTED}", "inner/part.py": part})
    assert done.stderr == ""
    assert json.loads(done.stdout)[0] == "started"


@pytest.mark.parametrize("part", [None, "", "import whole.missing\n"])
def test_an_error_of_the_usual_import_is_told(load, part):
    """Nothing hides why the package cannot be used."""
    done = load(**{"inner/part.py": part})
    assert done.returncode != 0
    assert "AssertionError: the package was started" in done.stderr


def test_a_part_that_is_nowhere_is_told(load):
    """Also where the package itself can be loaded."""
    done = load(**{"__init__.py": "", "inner/part.py": ""})
    assert done.returncode != 0
    assert "has no attribute 'Part'" in done.stderr


def test_a_package_that_was_started_already_is_used_as_it_is(load):
    """By another part of the process, before: no second one beside it."""
    done = load(
        "import whole\nwhole.marked = True\n",
        "\nassert whole.marked\n",
        **{"__init__.py": ""},
    )
    assert done.stderr == ""
    assert json.loads(done.stdout)[0] == "whole.inner.part"


def test_a_package_that_is_not_there_is_an_import_error():
    """As `import` says it."""
    with pytest.raises(ModuleNotFoundError, match="'nowhere'"):
        unstarted.load("nowhere.part", "Part")
