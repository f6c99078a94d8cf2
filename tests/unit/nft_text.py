"""nft text that a person can review: what thousands of ports make long is said in a few words."""

import re
from hashlib import sha256
from itertools import groupby

LONGEST = 9  # elements of a set or map that is shown; a map of eight buckets is


def reviewable(text):
    """Return TEXT with long sets and maps as a digest, and lines that repeat as one."""
    short = re.sub(r"\{ ([^{}\n]*) \}", _digest, text)
    lines = ((line, len([*same])) for line, same in groupby(short.splitlines()))
    return "".join(f"{line}{f'  (x {count})' if count > 1 else ''}\n" for line, count in lines)


def _digest(found):
    items = found[1].split(", ")
    if len(items) <= LONGEST or ":" not in items[0] or not items[0][0].isdigit():
        return found[0]
    return f"{{ <{len(items)} elements, sha256 {sha256(found[1].encode()).hexdigest()[:12]}> }}"
