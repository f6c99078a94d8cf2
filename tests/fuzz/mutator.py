"""Inputs that are nearly good: good ones changed in a few places, the same for the same seed."""

import copy
import random
import re

# What a careless reader stumbles over: bounds of numbers, ends of strings, words of formats.
EDGES = (
    b"",
    b"\0",
    b"\xff",
    b"\n",
    b"\r\n",
    b"\\",
    b'"',
    b"'",
    b"#",
    b"=",
    b"[",
    b"[[",
    b"{",
    b"}",
    b"%",
    b"..",
    b"/",
    b"../../etc/passwd",
    b"\x1b[2J",
    b"\xe2\x80\xa8",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x92\xa9",
    b"0",
    b"-1",
    b"1e9999",
    b"nan",
    b"Infinity",
    b"true",
    b"null",
    b"65536",
    b"4294967295",
    b"18446744073709551616",
    b"9" * 5000,
    b"[" * 3000,
    b"A" * 70000,
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"::",
    b"::1",
    b"::ffff:127.0.0.1",
    b"fe80::1%lo",
    b"255.255.255.255",
    b"0.0.0.0/0",
)
NUMBERS = (
    *(b"", b"0", b"1", b"-1", b"-0", b"00", b"127", b"128", b"255", b"256", b"32767", b"65535"),
    *(b"65536", b"2147483648", b"4294967296", b"9223372036854775808", b"1.5", b"1e999", b"-1e999"),
    *(b"Infinity", b"NaN", b"inf", b"nan", b"0x10", b"1_000", b"\xd9\xa1", b"\xc2\xb2", b"null"),
    *(b"true", b"[]", b"{}", b'"1"', b"9" * 5000),
)
JUNK = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**64,
    -(2**63),
    1.5,
    float("inf"),
    "",
    "x",
    "\0",
    "\x1b[2J",
    "..",
    "A" * 5000,
    "wan0",
    "::1",
    "2001:db8::1",
    "192.0.2.1",
    "0.0.0.0/0",
    "auto",
    "all",
    [],
    [[]],
    [None],
    ["x", "x"],
    {},
    {"": ""},
    {"x": {"x": {}}},
)


def cases(samples, seed, number, name):
    """Yield ``number`` inputs, each as its own number and bytes; the first are the samples."""
    for at in range(number):
        yield at, one(samples, seed, at, name)


def one(samples, seed, at, name):
    """Return the case ``at`` of a target by its ``name``."""
    if at < len(samples):
        return samples[at]
    chance = random.Random(f"{seed} {name} {at}")  # noqa: S311 - to be repeated
    data = chance.choice(samples)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        data = chance.choice(CHANGES)(chance, data, samples)
    return data


def _place(chance, data):
    return chance.randrange(len(data) + 1)


def _flip(chance, data, _samples):
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _byte(chance, data, _samples):
    at = _place(chance, data)
    return data[:at] + chance.randbytes(1) + data[at + 1 :]


def _cut(chance, data, _samples):
    return data[: _place(chance, data)]


def _remove(chance, data, _samples):
    start = _place(chance, data)
    return data[:start] + data[start + chance.choice((1, 2, 4, 16, 64)) :]


def _insert(chance, data, _samples):
    at = _place(chance, data)
    return data[:at] + chance.choice(EDGES) + data[at:]


def _overwrite(chance, data, _samples):
    at, edge = _place(chance, data), chance.choice(EDGES)
    return data[:at] + edge + data[at + len(edge) :]


def _double(chance, data, _samples):
    start = _place(chance, data)
    part = data[start : start + chance.choice((1, 4, 32, 256))]
    return data[:start] + part * chance.choice((2, 2, 3, 40)) + data[start + len(part) :]


def _cross(chance, data, samples):
    other = chance.choice(samples)
    return data[: _place(chance, data)] + other[_place(chance, other) :]


def _word(chance, data, samples):
    """Put a word of a sample, or an edge, where another word is."""
    words = data.split(b" ")
    others = chance.choice(samples).split()
    words[chance.randrange(len(words))] = chance.choice((*others[:200], *EDGES[:36]))
    return b" ".join(words)


def _number(chance, data, samples):
    """Put another number, or what a parser takes for one, where a number is."""
    found = list(re.finditer(rb"[0-9]+", data))
    if not found:
        return _byte(chance, data, samples)
    one = chance.choice(found)
    return data[: one.start()] + chance.choice(NUMBERS) + data[one.end() :]


def _line(chance, data, samples):
    """Move, repeat or lose a line."""
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    kept = lines[:at] + lines[at + 1 :]
    if chance.random() < 0.7:
        lines = chance.choice((lines, chance.choice(samples).split(b"\n")))
        kept.insert(chance.randrange(len(kept) + 1), chance.choice(lines))
    return b"\n".join(kept)


CHANGES = (
    *(_flip, _byte, _cut, _remove, _insert, _overwrite, _double, _cross, _word, _word, _line),
    *(_line, _flip, _byte, _cut, _number, _number),
)


def of_trees(samples, seed, at, name):
    """Return the case ``at`` of samples that are data as of JSON: a place of them is changed."""
    if at < len(samples):
        return samples[at]
    chance = random.Random(f"{seed} {name} {at}")  # noqa: S311 - to be repeated
    tree = copy.deepcopy(chance.choice(samples))
    for _ in range(chance.choice((1, 1, 2, 4))):
        tree = _changed(chance, tree, chance.choice(samples))
    return tree


def _changed(chance, tree, other):
    """Return ``tree`` with one node changed, lost, doubled, or taken from ``other``."""
    nodes = _nodes(tree)
    if not nodes:
        return copy.deepcopy(chance.choice(JUNK))
    parent, key = chance.choice(nodes)
    others = _nodes(other)
    match chance.randrange(6):
        case 0 if isinstance(parent, dict):
            del parent[key]
        case 0 | 1 if isinstance(parent, list):
            parent.insert(key, copy.deepcopy(parent[key]))
        case 1:
            parent[chance.choice(("", "x", "wan", str(key) + "s"))] = parent.pop(key)
        case 2 if others:
            place, name = chance.choice(others)
            parent[key] = copy.deepcopy(place[name])
        case _:
            parent[key] = copy.deepcopy(chance.choice(JUNK))
    return tree


def _nodes(tree):
    """Return each place below ``tree``: what holds it, and its key."""
    found, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        keys = (
            list(node)
            if isinstance(node, dict)
            else range(len(node))
            if isinstance(node, list)
            else ()
        )
        for key in keys:
            found.append((node, key))
            waiting.append(node[key])
    return found
