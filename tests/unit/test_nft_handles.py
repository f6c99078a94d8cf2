"""What tells whether a table is unchanged: handles, from the kernel's messages."""

import pytest
from nf_messages import Kernel, end, number, refusal
from nft_objects import NEWER, a_set, chain, counter, elements, flowtable, generation, rule, table

from dualwan.host import nfnetlink, nft_handles
from dualwan.model.observed import TableId

T = TableId("ip", "t")


@pytest.fixture(name="kernel")
def _kernel(monkeypatch):
    """Return a function that puts the kernel's answers in place."""

    def put(*parts):
        made = Kernel(parts)
        monkeypatch.setattr(nfnetlink.socket, "socket", made)
        return made

    return put


def answers(tables=(), chains=(), rules=(), sets=(), listed=(), objects=(), flowtables=()):
    """Return the answers about one table, in the order in which it is asked."""
    elements_of = [b"".join(one) + end() for one in listed]
    return [
        *(b"".join(part) + end() for part in (tables, chains, rules, sets)),
        *elements_of,
        *(b"".join(part) + end() for part in (objects, flowtables)),
    ]


@pytest.fixture(name="seen")
def _seen(kernel):
    """Return a function that looks at the table T with these parts."""

    def look(**parts):
        base = {"tables": [table()], "chains": [chain()], "rules": [rule()]}
        kernel(generation(7), *answers(**base | parts), generation(7))
        number_, found = nft_handles.look([T])
        assert number_ == 7
        return found[T]

    return look


CHANGES = {
    "another table of that name": {"tables": [table(handle=9)]},
    "dormant": {"tables": [table(flags=1)]},
    "a policy": {"chains": [chain(policy=0)]},
    "a chain more": {"chains": [chain(), chain("b", handle=7)]},
    "another chain of that name": {"chains": [chain(handle=7)]},
    "a chain renamed": {"chains": [chain("b")]},
    "a rule deleted": {"rules": []},
    "a rule replaced": {"rules": [rule(handle=7)]},
    "a rule added": {"rules": [rule(), rule(handle=7, before=3)]},
    "a rule inserted": {"rules": [rule(handle=7), rule(before=7)]},
    "a set": {"sets": [a_set(flags=0x20)]},
    "a counter": {"objects": [counter()]},
    "a flowtable": {"flowtables": [flowtable()]},
}


@pytest.mark.parametrize("parts", CHANGES.values(), ids=CHANGES)
def test_each_change_by_a_program_is_seen(seen, parts):
    """It has another handle, or another value beside it."""
    assert seen(**parts).digest != seen().digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"size": 8}, {"size": 9}),
        ({"flags": 0x20}, {"flags": 0x24}),
        ({"name": "s"}, {"name": "u"}),
    ],
)
def test_a_set_that_was_changed_is_seen(seen, one, other):
    """A kernel since 6.5 lets a program change one that stands."""
    assert seen(sets=[a_set(**{"flags": 0x20} | one)]) != seen(
        sets=[a_set(**{"flags": 0x20} | other)]
    )


def test_elements_that_a_program_put_into_a_set_are_part_of_it(seen):
    """In whatever order the kernel lists them, and whatever they have counted."""
    before = seen(sets=[a_set()], listed=[[elements(1, 2)]])
    assert seen(sets=[a_set()], listed=[[elements(2), elements(1, noise=NEWER)]]) == before
    for other in ([elements(1)], [elements(1, 2, 3)], [elements(1, 3)], []):
        assert seen(sets=[a_set()], listed=[other]) != before


@pytest.mark.parametrize(
    "parts",
    [
        {"tables": [table(noise=NEWER)]},
        {"tables": [table(), table(handle=5, name="other")]},
        {"chains": [chain(noise=NEWER)]},
        {"chains": [chain(), chain(owner="other")]},
        {"rules": [rule(expressions=b"counter 8")]},
        {"rules": [rule(noise=NEWER)]},
        {"sets": [a_set("__set0", flags=0x3)]},
    ],
)
def test_what_packets_and_other_tables_change_is_not(seen, parts):
    """Neither is what a kernel tells that does not exist yet."""
    assert seen(**parts) == seen()


def test_packets_change_no_set_or_counter(seen):
    """How many elements there are, and which, is theirs to say; so is what they count."""
    dynamic = {"sets": [a_set(flags=0x20)], "objects": [counter(packets=1)]}
    after = {"sets": [a_set(flags=0x20, noise=number(20, 3))], "objects": [counter(packets=9)]}
    assert seen(**dynamic) == seen(**after)


def test_a_table_tells_which_run_has_loaded_it(seen):
    """By the comment of a chain, however it is stored."""
    found = seen(chains=[chain(), chain("loaded", handle=7, comment="by dualwan-hook, 0a1b")])
    assert found.loaded_with("0a1b")
    assert not found.loaded_with("0a1c")
    assert not found.loaded_with("")
    assert not seen().loaded_with("0a1b")


def test_a_table_that_is_not_there_is_none(kernel):
    """Or that goes while it is read."""
    kernel(generation(7), end(), end(), generation(7))
    assert nft_handles.look([T]) == (7, {T: None})
    kernel(generation(7), table() + end(), chain() + end(), refusal(2), generation(7))
    assert nft_handles.look([T]) == (7, {T: None})


def test_what_changes_while_it_is_read_is_read_again(kernel):
    """Until it stands still; where it never does, the generation tells nothing."""
    one = answers(tables=[table()])
    kernel(generation(7), *one, generation(8), generation(8), *one, generation(8))
    number_, found = nft_handles.look([T])
    assert number_ == 8
    assert found[T]
    kernel(
        *(part for at in range(99) for part in (generation(2 * at), *one, generation(2 * at + 1)))
    )
    number_, again = nft_handles.look([T])
    assert (number_, again) == (0, found)


def test_the_generation_is_one_question(kernel):
    """Which needs no right other than to look."""
    asked = kernel(generation(70000))
    assert nft_handles.generation() == 70000
    assert len(asked.asked) == 1
    assert asked.closed
    kernel(refusal(1))
    with pytest.raises(PermissionError):
        nft_handles.generation()


def test_the_network_namespace_has_a_number():
    """Always the same."""
    assert nft_handles.namespace() == nft_handles.namespace() > 0
