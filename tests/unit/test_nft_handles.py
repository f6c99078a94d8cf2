"""What tells whether a table is unchanged: handles, from the kernel's messages."""

import pytest
from nf_messages import Kernel, answer, attribute, end, nested, number, refusal, text

from dualwan.host import nfnetlink, nft_handles
from dualwan.model.observed import TableId

T = TableId("ip", "t")
NEW_TABLE, NEW_CHAIN, NEW_RULE, NEW_SET, NEW_ELEMENTS = 0, 3, 6, 9, 12
NEW_GENERATION, NEW_OBJECT, NEW_FLOWTABLE = 15, 18, 22
NEWER = attribute(77, b"1 2 3")  # what a kernel adds that does not exist yet


def generation(number_):
    """Return the answer with a generation."""
    return answer(NEW_GENERATION, number(1, number_))


def table(handle=1, flags=0, name="t", noise=b""):
    """Return a table; how many chains it has is noise."""
    return answer(
        NEW_TABLE, text(1, name), number(3, 5), number(4, handle, 8), number(2, flags), noise
    )


def chain(name="a", handle=2, policy=1, *, owner="t", comment="", noise=b""):  # noqa: PLR0913
    """Return a base chain."""
    userdata = attribute(12, b"\0" + bytes([len(comment) + 1]) + comment.encode() + b"\0")
    return answer(
        NEW_CHAIN,
        text(1, owner),
        text(3, name),
        number(2, handle, 8),
        nested(4, number(1, 4), number(2, 0)),
        number(5, policy),
        text(7, "filter"),
        number(6, 3),
        userdata if comment else b"",
        noise,
    )


def rule(handle=3, before=0, expressions=b"counter 7", noise=b""):
    """Return a rule; what it does belongs to its handle, and what it counts is noise."""
    position = number(6, before, 8) if before else b""
    return answer(
        NEW_RULE,
        text(1, "t"),
        text(2, "a"),
        number(3, handle, 8),
        position,
        attribute(0x8004, expressions),
        noise,
    )


def a_set(name="s", flags=0, size=8, noise=b""):
    """Return a set."""
    return answer(
        NEW_SET,
        text(1, "t"),
        text(2, name),
        number(16, 9, 8),
        number(3, flags),
        nested(9, number(1, size), noise),
        noise,
    )


def elements(*keys, noise=b""):
    """Return the elements of a set."""
    return answer(
        NEW_ELEMENTS,
        text(1, "t"),
        text(2, "s"),
        nested(3, *(nested(1, nested(1, number(1, key)), noise) for key in keys)),
    )


def counter(handle=4, packets=0):
    """Return a named counter."""
    return answer(
        NEW_OBJECT,
        text(1, "t"),
        text(2, "lost"),
        number(3, 1),
        number(6, handle, 8),
        nested(4, number(2, packets, 8)),
    )


def flowtable(handle=8):
    """Return a flowtable."""
    return answer(NEW_FLOWTABLE, text(1, "t"), text(2, "f"), number(5, handle, 8))


@pytest.fixture(name="kernel")
def _kernel(monkeypatch):
    """Return a function that puts the kernel's answers in place."""

    def put(*parts):
        made = Kernel(parts)
        monkeypatch.setattr(nfnetlink.socket, "socket", made)
        return made

    return put


def answers(tables=(), chains=(), rules=(), sets=(), listed=(), objects=(), flowtables=()):  # noqa: PLR0913, PLR0917
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
