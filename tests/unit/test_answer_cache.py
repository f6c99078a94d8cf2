"""The answers of the line: what is kept, for how long it counts, and where it lies."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provisioning_data import good

from dualwan.errors import HostError
from dualwan.host import answers
from dualwan.line.provisioning import cache
from dualwan.line.provisioning.cache import RETRY, AnswerCache, Entry

TEXT = good("every-way")
PREFIX = "2001:db8:1:2abc::/64"
ENTRY = Entry("https://vne.example/rule", 1000, PREFIX, TEXT)
ANSWERS = AnswerCache().with_entry("hb46pp", ENTRY)


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A place of the test's own for what outlives a boot."""
    monkeypatch.setenv("DUALWAN_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def test_known_and_fresh():
    """By age and by the prefix that it was given for."""
    (known,) = ANSWERS.checked(1060)
    assert (known.source, known.age, known.origin) == ("hb46pp", 60, "https://vne.example/rule")
    assert known.is_fresh((PREFIX,))
    assert not known.is_fresh(("2001:db8:1:2abd::/64",))
    assert not ANSWERS.checked(1000 + 86400)[0].is_fresh((PREFIX,))
    assert not ANSWERS.checked(999)[0].is_fresh((PREFIX,)), "the clock was set back"


def test_what_is_no_longer_right_is_not_known():
    """The check at reading is the check at asking."""
    wrong = Entry("x", 0, PREFIX, TEXT.replace('"ea_length": 12', '"ea_length": 200'))
    assert AnswerCache({"hb46pp": wrong, "elsewhere": ENTRY}).checked(0) == ()


def test_a_failure_keeps_the_answer_and_waits():
    """Asked again after RETRY seconds; a new answer forgets the failure."""
    failed = ANSWERS.with_failure("hb46pp", 2000)
    assert failed.entries == ANSWERS.entries
    assert [failed.may_ask("hb46pp", 2000 + later) for later in (0, RETRY - 1, RETRY)] == [
        False,
        False,
        True,
    ]
    assert failed.may_ask("hb46pp", 1999), "the clock was set back"
    assert failed.may_ask("dhcpv6", 2000)
    assert failed.with_entry("hb46pp", ENTRY).failed == {}


def test_written_and_read_again():
    """Nothing is lost."""
    failed = ANSWERS.with_failure("dhcpv6", 7)
    assert cache.decode(cache.encode(failed)) == failed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        "[" * 50000,
        '{"answers": 1, "failed": {}}',
        '{"answers": {"hb46pp": {"origin": 1, "time": 1, "prefix": "", "text": ""}}, "failed": {}}',
        '{"answers": {"hb46pp": {"origin": "\\u001b", "time": 1, "prefix": "", "text": ""}},'
        ' "failed": {}}',
        '{"answers": {"hb46pp": {"origin": "", "time": 1.5, "prefix": "", "text": ""}},'
        ' "failed": {}}',
        '{"answers": {}, "failed": {"hb46pp": true}}',
    ],
)
def test_what_cannot_be_read_is_nothing_known(text):
    """A damaged file is no reason to stop."""
    assert cache.decode(text) == AnswerCache()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_is_nothing_known(text):
    """Never raises."""
    cache.decode(text)
    AnswerCache({"hb46pp": Entry("", 0, "", text), "dhcpv6": Entry("", 0, "", text)}).checked(0)


def test_the_file_is_whole_and_root_s_alone(state):
    """Whole or not at all, for root only, in DUALWAN_STATE."""
    assert answers.load() == AnswerCache()
    answers.save(ANSWERS)
    assert answers.load() == ANSWERS
    assert [path.name for path in state.iterdir()] == ["provisioning.json"]
    assert (state / "provisioning.json").stat().st_mode & 0o777 == 0o600


def test_a_link_that_somebody_put_there_is_not_followed(state, tmp_path):
    """Neither as the file, which is replaced, nor as the temporary one."""
    state.mkdir()
    (tmp_path / "precious").write_text("mine")
    for name in ("provisioning.json", "provisioning.json.new"):
        (state / name).symlink_to(tmp_path / "precious")
    answers.save(ANSWERS)
    assert (tmp_path / "precious").read_text() == "mine"
    assert answers.load() == ANSWERS


def test_a_place_that_cannot_be_written(state):
    """An error in one line, with the path."""
    state.write_text("a file where the folder should be")
    with pytest.raises(HostError, match=str(state)):
        answers.save(ANSWERS)
    assert answers.load() == AnswerCache()
