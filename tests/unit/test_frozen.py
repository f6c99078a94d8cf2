"""Values that do not change behave as dataclasses' own frozen ones do."""

import copy
import dataclasses
import pickle
import pprint
import subprocess
import sys
import typing

import pytest

from dualwan import frozen

TEXT = """
@dataclass(frozen=True)
class Base:
    name: str
    items: tuple = ()
    table: dict = field(default_factory=dict)
    note: str = field(default="n", compare=False)
    hidden: str = field(default="s", compare=False, repr=False)

    @property
    def text(self):
        return f"{self.name}{self.note}"

    word = "no field"


@dataclass(frozen=True, kw_only=True)
class Common:
    wait: int = 30


@dataclass(frozen=True, kw_only=True)
class More(Common):
    provider: str
    mtu: int = 1460


@dataclass(frozen=True, order=True)
class Port:
    protocol: str
    number: int


@dataclass(frozen=True)
class Printed:
    name: str

    def __repr__(self):
        return "mine"


@dataclass(frozen=True)
class Nothing:
    pass
"""


def classes(module):
    """Return the classes of TEXT, made by ``module``."""
    found = {"dataclass": module.dataclass, "field": module.field, "__name__": __name__}
    exec(TEXT, found)  # noqa: S102 - the same text for both
    return found


OURS, THEIRS = classes(frozen), classes(dataclasses)
DO = {
    "made": lambda c: c["Base"]("a"),
    "made with all": lambda c: c["Base"]("a", (1,), {"x": 1}, "m", "t"),
    "made by names": lambda c: c["Base"](note="m", name="a"),
    "made in part by names": lambda c: c["Base"]("a", (1,), hidden="x").hidden,
    "a default of its own": lambda c: c["Base"]("a").table is not c["Base"]("a").table,
    "a property": lambda c: c["Base"]("a").text,
    "what is no field": lambda c: c["Base"]("a").word,
    "the default in the class": lambda c: (
        c["Base"].items,
        c["Base"].note,
        hasattr(c["Base"], "table"),
    ),
    "equal": lambda c: c["Base"]("a") == c["Base"]("a", note="other", hidden="o"),
    "not equal": lambda c: c["Base"]("a") == c["Base"]("b"),
    "not of one class": lambda c: c["Port"]("a", 1) == c["Base"]("a"),
    "not a tuple": lambda c: c["Port"]("tcp", 1) == ("tcp", 1),
    "a hash": lambda c: hash(c["Port"]("tcp", 1)) == hash(c["Port"]("tcp", 1)),
    "in a set": lambda c: len({c["Port"]("tcp", 1), c["Port"]("tcp", 1), c["Port"]("udp", 1)}),
    "a hash of a dictionary": lambda c: hash(c["Base"]("a")),
    "ordered": lambda c: sorted([c["Port"]("udp", 1), c["Port"]("tcp", 2), c["Port"]("tcp", 1)]),
    "at least": lambda c: c["Port"]("tcp", 1) >= c["Port"]("tcp", 1),
    "at most": lambda c: c["Port"]("tcp", 2) <= c["Port"]("tcp", 1),
    "before": lambda c: c["Port"]("tcp", 1) < c["Port"]("tcp", 1),
    "after": lambda c: c["Port"]("tcp", 2) > c["Port"]("tcp", 1),
    "no order": lambda c: c["Base"]("a") < c["Base"]("b"),
    "ordered with another": lambda c: c["Port"]("tcp", 1) < 1,
    "inherited": lambda c: c["More"](provider="p"),
    "inherited and given": lambda c: c["More"](provider="p", wait=1, mtu=2),
    "inherited by position": lambda c: c["More"]("p"),
    "inherited and missing": lambda c: c["More"](wait=1),
    "of nothing": lambda c: (c["Nothing"](), c["Nothing"]() == c["Nothing"]()),
    "its own words": lambda c: c["Printed"]("x"),
    "too few": lambda c: c["Base"](),
    "too many": lambda c: c["Base"]("a", (), {}, "n", "s", 1),
    "twice": lambda c: c["Base"]("a", name="b"),
    "unknown": lambda c: c["Base"]("a", size=1),
    "unknown for another": lambda c: c["Port"]("tcp", size=1),
    "changed": lambda c: setattr(c["Base"]("a"), "name", "b"),
    "added": lambda c: setattr(c["Base"]("a"), "other", "b"),
    "deleted": lambda c: delattr(c["Base"]("a"), "name"),
    "matched": lambda c: matched(c["Port"], c["Port"]("tcp", 1)),
    "names": lambda c: (c["Base"].__match_args__, c["More"].__match_args__),
    "copied": lambda c: copy.deepcopy(c["Base"]("a", table={1: 2})) == c["Base"]("a", table={1: 2}),
    "replaced": lambda c: dataclasses.replace(c["Base"]("a", (1,)), name="b"),
    "replaced wrongly": lambda c: dataclasses.replace(c["Base"]("a"), size=1),
    "fields": lambda c: [one.name for one in dataclasses.fields(c["More"])],
    "a dictionary": lambda c: dataclasses.asdict(c["Base"]("a", table={1: 2})),
    "a tuple": lambda c: dataclasses.astuple(c["Port"]("tcp", 1)),
    "known to it": lambda c: dataclasses.is_dataclass(c["Port"]),
}


def matched(port, value):
    """Return the number of a value by its position."""
    match value:
        case port("tcp", number):
            return number
    return None


def outcome(do, made):
    """Return the words of what ``do`` returns or raises of the classes ``made``."""
    try:
        return repr(do(made))
    except (TypeError, AttributeError) as error:
        return type(error)


@pytest.mark.parametrize("what", DO)
def test_a_value_is_what_dataclasses_makes_of_it(what):
    """The same text gives the same, or the same error."""
    assert outcome(DO[what], OURS) == outcome(DO[what], THEIRS)


def test_a_value_is_replaced():
    """Quickly; a field that is none is told."""
    base, port = OURS["Base"]("a", (1,), note="m"), OURS["Port"]("tcp", 1)
    assert frozen.replace(port, number=2) == OURS["Port"]("tcp", 2)
    assert port == OURS["Port"]("tcp", 1)
    changed = frozen.replace(base, name="b")
    assert (changed.name, changed.items, changed.note, changed.hidden) == ("b", (1,), "m", "s")
    with pytest.raises(TypeError, match="Port has no field size"):
        frozen.replace(port, size=1)


def test_a_value_of_dataclasses_own_is_replaced_too():
    """By dataclasses itself."""
    assert frozen.replace(THEIRS["Port"]("tcp", 1), number=2) == THEIRS["Port"]("tcp", 2)


@dataclasses.dataclass(frozen=True)
class Real:
    """One that pickle can find by its name."""

    name: str


Ours = frozen.dataclass(frozen=True)(type("Ours", (), {"__annotations__": {"name": "str"}}))
Ours.__module__ = __name__


def test_a_value_survives_pickle():
    """Tests hand them from a process to its parent."""
    assert pickle.loads(pickle.dumps(Ours("a"))) == Ours("a")  # noqa: S301 - our own bytes


def test_what_dataclasses_knows_of_a_class_is_made_once():
    """A recording asks for the fields of each value; a class that inherits has its own."""
    more, common = (
        frozen.dataclass(frozen=True)(type(name, bases, {"__annotations__": {name: "str"}}))
        for name, bases in (("more", (Ours,)), ("common", ()))
    )
    for one, names in ((Ours, ["name"]), (more, ["name", "more"]), (common, ["common"])):
        assert [field.name for field in dataclasses.fields(one)] == names
        assert dataclasses.fields(one)[0] is dataclasses.fields(one)[0]


def test_a_value_that_may_change_is_not_made_here():
    """There is one that does."""
    with pytest.raises(TypeError, match="may change"):
        frozen.dataclass(frozen=False)


def test_dataclasses_is_not_loaded():
    """Until a value is taken apart, or changed against the rules."""
    text = (
        "import sys; from dualwan.frozen import dataclass, replace\n"
        "made = dataclass(frozen=True)(type('Made', (), {'__annotations__': {'name': 'str'}}))\n"
        "assert replace(made('a'), name='b') == made('b')\n"
        "print('dataclasses' in sys.modules, 'typing' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", text], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["False", "True"]


NAMED = """
class Point(NamedTuple):
    \"\"\"A point.\"\"\"

    x: int
    y: "list[int] | None" = None
    kind = "no field"

    @property
    def text(self):
        return f"{self.x}"

    @classmethod
    def origin(cls):
        return cls(0)
"""


def named(module):
    """Return the class of NAMED by the NamedTuple of MODULE."""
    names = {"NamedTuple": module.NamedTuple, "__name__": __name__}
    exec(f"from __future__ import annotations\n{NAMED}", names)  # noqa: S102 - the text above
    return names["Point"]


def test_a_named_tuple_is_as_typings_own():
    """Fields, defaults, methods, types, name and documentation, and what refuses a wrong call."""

    def shown(made):
        with pytest.raises(TypeError) as refusal:
            made(1, 2, 3)
        point = made(1, y=[2])
        return (
            *(made._fields, made._field_defaults, made.__doc__, made.__name__, made.__module__),
            *(made.__match_args__, made.kind, typing.get_type_hints(made), str(refusal.value)),
            *(repr(point), point.text, made.origin(), point._replace(x=2), point._asdict()),
            *(made.__qualname__, issubclass(made, tuple), point == (1, [2]), hash(made(3, 4))),
        )

    ours, theirs = shown(named(frozen)), shown(named(typing))
    assert ours == theirs


def test_a_value_that_is_longer_than_a_line_is_printed():
    """Its class passes for one of dataclasses, of which pprint asks more than the fields."""
    value = OURS["Base"]("a" * 100)
    assert pprint.pformat(value, width=80) == repr(value)
