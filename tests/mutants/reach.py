"""Which unit tests execute a line; pytest in a forked process; copies of the tree."""

import json
import os
import shutil
import signal
import time
from collections import Counter
from contextlib import suppress
from itertools import chain
from pathlib import Path

import coverage
import hypothesis  # noqa: F401 - loaded once, for all that are forked
import pytest

TREE = Path(__file__).parents[2]
WORK = TREE / "build/mutants"
COPIED = ("src", "tests", "hooks", "etc", "packaging", "docs", ".ci")
# Notice any change of a table's text, or are about the inputs of readers.
LEFT_OUT = ("test_golden.py", "test_snat_readme.py", "test_fuzz.py")
DAY = 86400


class Chosen:
    """A pytest plugin that keeps the tests of ``wanted``, or all if None, quick ones first."""

    def __init__(self, wanted, times):
        self.wanted, self.times = wanted, times

    def pytest_collection_modifyitems(self, config, items):
        """Leave out the others."""
        kept = [item for item in items if self.wanted is None or item.nodeid in self.wanted]
        kept.sort(key=lambda item: self.times.get(item.nodeid, 0))
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept


class Clock:
    """A pytest plugin that notes how long each test takes."""

    def __init__(self, path):
        self.path, self.times = path, {}

    def pytest_runtest_logreport(self, report):
        """Add the time of a phase."""
        self.times[report.nodeid] = self.times.get(report.nodeid, 0) + report.duration

    def pytest_sessionfinish(self):
        """Write them down."""
        self.path.write_text(json.dumps(self.times))


def forked(where, arguments, plugins, seconds):
    """Run pytest in a forked process; return what noticed ("" if nothing did)."""
    said = where / "said.txt"
    process = os.fork()
    if not process:
        code = 99
        try:
            os.setsid()
            os.chdir(where)
            output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.environ.update(CI="1", HOME=str(where))  # Hypothesis: the same examples each time
            base = [
                "-p",
                "no:cacheprovider",
                "-q",
                "--tb=no",
                f"--basetemp={where / 'tmp'}",
                "--rootdir=.",
            ]
            code = int(pytest.main([*base, *arguments], plugins=plugins))
        finally:
            os._exit(code)
    end = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(process, os.WNOHANG)
        if done or time.monotonic() > end:
            break
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    if not done:
        os.waitpid(process, 0)
        return "no end"
    code = os.waitstatus_to_exitcode(status)
    if code in (0, 5):  # 5: no test was chosen
        return ""
    lines = [
        one
        for one in said.read_text(errors="replace").splitlines()
        if one.startswith(("FAILED", "ERROR"))
    ]
    return lines[0].split(" - ")[0] if lines else f"pytest ended with {code}"


def copied(name):
    """Return a copy of the tree, which a worker may change."""
    where = WORK / name
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    for one in COPIED:
        shutil.copytree(TREE / one, where / one, ignore=shutil.ignore_patterns("__pycache__"))
    for one in TREE.iterdir():
        if one.is_file() and not one.name.startswith(".coverage"):
            shutil.copy2(one, where)
    (where / "build").mkdir()
    for one in (TREE / "build").iterdir():
        if one.name != "mutants":
            (where / "build" / one.name).symlink_to(one)
    return where


def unit_files(where):
    """Return the files of unit tests that count."""
    found = sorted((where / "tests/unit").glob("test_*.py"))
    return [str(one.relative_to(where)) for one in found if one.name not in LEFT_OUT]


class Reach:
    """Which unit tests execute a line, and how long each takes; measured once a day at most."""

    def __init__(self):
        kept = WORK / "reach.json"
        if not kept.exists() or time.time() - kept.stat().st_mtime > DAY:
            kept.write_text(json.dumps(_measured()))
        found = json.loads(kept.read_text())
        self.times, self.names, self.lines = found["times"], found["names"], found["lines"]
        self.size = Counter(name.partition("::")[0] for name in self.times)

    def tests(self, mutant):
        """Return the tests that execute a mutant's line: file -> names, the nearest file first."""
        lines = self.lines.get(mutant.path, {})
        chosen = lines.get(str(mutant.line), ()) if mutant.inside else ()
        files = {}
        for index in set(chosen or chain.from_iterable(lines.values())):
            name = self.names[index]
            files.setdefault(name.partition("::")[0], set()).add(name)
        return dict(sorted(files.items(), key=lambda one: -len(one[1]) / self.size[one[0]]))


def _measured():
    """Run the unit tests; return their times, their names, and by file and line who was there."""
    where = copied("reach")
    print("which unit tests execute which line ...", flush=True)
    times = where / "times.json"
    options = ["--cov", "--cov-context=test", "--cov-report=", *unit_files(where)]
    if noticed := forked(where, options, [Clock(times)], 1800):
        raise SystemExit(f"the unit tests do not pass without a mutant: {noticed}")
    data = coverage.CoverageData(str(where / ".coverage"))
    data.read()
    names, lines = {}, {}
    for path in data.measured_files():
        for line, contexts in data.contexts_by_lineno(path).items():
            tests = {one.rpartition("|")[0] for one in contexts if one}
            indexes = [names.setdefault(name, len(names)) for name in tests]
            lines.setdefault(path.partition("src/dualwan/")[2], {})[line] = indexes
    return {"times": json.loads(times.read_text()), "names": list(names), "lines": lines}
