"""The port set of a shared IPv4 address (RFC 7597 section 5.1). Pure arithmetic, no I/O.

A 16-bit port consists of three fields, most significant bit first (bit 0)::

      0             a           a + k            16
      +-------------+-------------+---------------+
      |    A = j    |    PSID     |   M = 0..2^m  |
      +-------------+-------------+---------------+
        a bits        k bits        m = 16 - a - k bits

``a`` is the PSID offset, ``k`` the PSID length. If a > 0, the block A = 0 (ports 0 to
2^(16-a) - 1, the well-known ports among them) is assigned to no CE.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NoReturn

from dualwan.errors import MapeError
from dualwan.words import say

PORT_BITS = 16
MAX_PORT = (1 << PORT_BITS) - 1
MAX_PSID_OFFSET = 15


def check_lengths(psid_offset: int, psid_length: int) -> None:
    """Raise MapeError unless offset (0-15) and length (0-16) fit into 16 bits together.

    RFC 7597 section 5.1: a + k <= 16. An offset of 16 would leave no bit to distinguish
    CEs, so 15 is the largest.
    """
    if not 0 <= psid_offset <= MAX_PSID_OFFSET:
        raise MapeError(
            say(
                "PSID offset {psid_offset} is not between 0 and {max_psid_offset}",
                psid_offset=psid_offset,
                max_psid_offset=MAX_PSID_OFFSET,
            )
        )
    if not 0 <= psid_length <= PORT_BITS:
        raise MapeError(
            say(
                "PSID length {psid_length} is not between 0 and {port_bits}",
                psid_length=psid_length,
                port_bits=PORT_BITS,
            )
        )
    if psid_offset + psid_length > PORT_BITS:
        raise MapeError(
            say(
                "PSID offset {psid_offset} and PSID length {psid_length} need "
                "{bits} bits, and a port has only {port_bits}",
                psid_offset=psid_offset,
                psid_length=psid_length,
                bits=psid_offset + psid_length,
                port_bits=PORT_BITS,
            )
        )


class PortSet:
    """The ports of one CE on one IPv4 address; immutable, compared and hashed by value.

    psid: 0 to 2^psid_length - 1, right-aligned as in the CE address.
    psid_offset: 0 to 15 bits. psid_length: 0 to 16 bits, 0 for an address that is not
    shared. Together they have at most 16 bits. Raises MapeError for anything else.

    Not a dataclass: importing dataclasses takes as long as starting Python, and
    `dualwan-hook mape` is to answer at once.
    """

    __slots__ = ("psid", "psid_length", "psid_offset")

    psid: int
    psid_offset: int
    psid_length: int

    def __init__(self, psid: int, psid_offset: int, psid_length: int) -> None:
        check_lengths(psid_offset, psid_length)
        if not 0 <= psid < 1 << psid_length:
            raise MapeError(
                say(
                    "PSID {psid} does not fit into {psid_length} bits (0 to {last})",
                    psid=psid,
                    psid_length=psid_length,
                    last=(1 << psid_length) - 1,
                )
            )
        object.__setattr__(self, "psid", psid)
        object.__setattr__(self, "psid_offset", psid_offset)
        object.__setattr__(self, "psid_length", psid_length)

    @property
    def contiguous(self) -> int:
        """The number of consecutive ports in a block: 2^m, m = 16 - a - k."""
        return 1 << (PORT_BITS - self.psid_offset - self.psid_length)

    @property
    def first_block(self) -> int:
        """The lowest port that is assigned to any CE: 2^(16-a), or 0 if the offset a is 0."""
        return 1 << (PORT_BITS - self.psid_offset) if self.psid_offset else 0

    @property
    def sharing_ratio(self) -> int:
        """The number of CEs that share the address: R = 2^k."""
        return 1 << self.psid_length

    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Return inclusive (first, last) ranges, ascending; adjacent ranges are merged.

        There is one range in each block of 2^(16-a) ports, except in block 0 if a > 0.
        Ranges are adjacent only if the address is not shared (k = 0), and then make one.
        """
        if self.psid_length == 0:
            return ((self.first_block, MAX_PORT),)
        size = self.contiguous
        start = self.first_block + self.psid * size
        step = 1 << (PORT_BITS - self.psid_offset)
        return tuple((low, low + size - 1) for low in range(start, MAX_PORT + 1, step))

    def nearest(self, port: int) -> tuple[int | None, int | None]:
        """Return the nearest ports of the set at or below ``port``, and at or above it.

        None if the set has no port on that side; both are ``port`` if the set has it.
        """
        if port in self:
            return port, port
        ranges = self.ranges()
        below = bisect_right(ranges, port, key=lambda one: one[1])
        above = bisect_left(ranges, port, key=lambda one: one[0])
        return (
            ranges[below - 1][1] if below else None,
            ranges[above][0] if above < len(ranges) else None,
        )

    def __contains__(self, port: int) -> bool:
        return (
            self.first_block <= port <= MAX_PORT
            and port // self.contiguous & ((1 << self.psid_length) - 1) == self.psid
        )

    def __len__(self) -> int:
        blocks = (1 << self.psid_offset) - (1 if self.psid_offset else 0)
        return blocks * self.contiguous

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PortSet) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        psid, offset, length = self._key()
        return f"PortSet(psid={psid}, psid_offset={offset}, psid_length={length})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"PortSet is immutable: cannot set {name} to {value!r}")

    def _key(self) -> tuple[int, int, int]:
        return self.psid, self.psid_offset, self.psid_length
