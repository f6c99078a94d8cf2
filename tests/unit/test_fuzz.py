"""Readers of what others have written, with inputs that are nearly good (tests/fuzz)."""

import pytest
import targets

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
        (lambda _: open("/nonexistent/x", "w"), "EffectError: opened /nonexistent/x for writing"),  # noqa: PTH123, SIM115
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
