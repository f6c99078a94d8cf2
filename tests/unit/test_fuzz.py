"""Readers of what others have written, with inputs that are nearly good (tests/fuzz)."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import targets

RUN = Path(__file__).parents[1] / "fuzz/run.py"
SEED = "12"
CASES = 2000  # a target; `make fuzz` has 100,000


@pytest.mark.slow
@pytest.mark.parametrize("name", targets.BY_NAME)
def test_a_bad_input_ends_in_a_documented_error(name):
    """At once, with one line, and nothing outside is touched."""
    target = targets.BY_NAME[name]
    for at in range(CASES):
        complaint = target.complaint(target.case(SEED, at))
        assert not complaint, f"python tests/fuzz/run.py --only {name} --case {at}: {complaint}"


def test_a_case_is_the_same_each_time():
    """By its seed and number; another seed is another one."""
    target = targets.BY_NAME["config-text"]
    cases = [target.case(SEED, at) for at in range(100)]
    assert cases == [target.case(SEED, at) for at in range(100)]
    assert cases != [target.case("13", at) for at in range(100)]


@pytest.mark.parametrize(
    ("run", "complaint"),
    [
        (lambda _: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda _: open("/nonexistent/x", "w"), "EffectError: opened /nonexistent/x for writing"),  # noqa: PTH123, SIM115 - an effect
        (lambda _: __import__("os").remove("/nonexistent/x"), "EffectError: os.remove"),
        (lambda _: __import__("os").system("true"), "EffectError: os.system"),
    ],
)
def test_what_a_reader_must_not_do_is_a_complaint(run, complaint):
    """A traceback, a file that is written or removed, a program that is started."""
    assert targets.Target("x", run, (b"",)).complaint(b"").startswith(complaint)


def test_a_reader_that_does_not_end_is_a_complaint(monkeypatch):
    """After its time, which is processor time: others on the machine cost it none."""
    monkeypatch.setattr("fuzzing.CPU_SECONDS", 0.05)

    def run(_case):
        while True:
            pass

    assert targets.Target("x", run, (b"",)).complaint(b"") == "takes more than 0.05 s"


def test_the_end_of_a_reader_that_is_dropped_comes_again(monkeypatch):
    """Python drops what is raised in __del__; a reader went on for ever, and took all memory."""
    monkeypatch.setattr("fuzzing.CPU_SECONDS", 0.05)
    monkeypatch.setattr("sys.unraisablehook", lambda _: None)

    class Freed:
        def __del__(self):
            while True:
                pass

    def run(_case):
        Freed()
        while True:
            pass

    assert targets.Target("x", run, (b"",)).complaint(b"") == "takes more than 0.05 s"


def test_a_reader_that_grows_is_a_complaint():
    """At a limit far below what a machine has; afterwards the process has no limit again."""
    target = targets.Target("x", lambda _: bytes(1 << 30), (b"",))
    assert target.complaint(b"").startswith("MemoryError")
    assert len(bytes(1 << 30)) == 1 << 30


# --- the runner ------------------------------------------------------------------------------


@pytest.fixture(name="runner")
def _runner():
    """Return the module tests/fuzz/run.py; other folders have one of that name."""
    spec = spec_from_file_location("fuzz_run", RUN)
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.mark.slow
def test_a_target_that_keeps_what_it_read_is_a_fault(runner, monkeypatch):
    """A little of each case, which no limit of one case notices."""
    kept = []
    leaks = targets.Target("leaks", lambda _: kept.append(b"x" * 100_000), (b"",))
    holds = targets.Target("holds", lambda _: None, (b"",))
    monkeypatch.setattr(runner, "load_targets", lambda: {"leaks": leaks, "holds": holds})
    (fault,) = runner.run_slice("leaks", SEED, 0, 3000)["faults"]
    assert fault.endswith(" MB more after 3000 cases than after 1000")
    assert runner.run_slice("holds", SEED, 0, 3000)["faults"] == {}


def test_a_process_that_is_killed_is_a_fault(runner, monkeypatch, tmp_path):
    """As by a kernel without memory: no result is not a good one, and nothing waits for it."""
    dies = tmp_path / "dies"
    dies.write_text("#!/bin/sh\nkill -9 $$\n")
    dies.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(dies))
    assert runner.in_process(("x", SEED, 0, 5))["faults"] == {"the process ended with -9": 0}


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on(tmp_path):
    """What is in the log without a fault is not run again, and counts."""
    asked = [sys.executable, "-B", str(RUN), "--number", "7", "--only", "dial", "--log"]
    asked += [str(tmp_path / "log")]
    first, second = (
        subprocess.run(asked, capture_output=True, text=True, check=True).stdout for _ in range(2)
    )
    assert "7 cases of 1 targets (seed 12)" in first
    assert "are in" not in first
    assert second.startswith(f"1 of 1 slices are in {tmp_path / 'log'}\n")
    assert "7 cases of 1 targets (seed 12)" in second
