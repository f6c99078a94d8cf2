"""Objects of nf_tables, as the kernel lists them."""

from nf_messages import answer, attribute, nested, number, text

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


def chain(name="a", handle=2, policy=1, *, owner="t", comment="", noise=b""):
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
