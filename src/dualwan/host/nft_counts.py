"""Packets by named counter of an nft table, and by element of a set, over netlink."""

from __future__ import annotations

from ipaddress import ip_address

from dualwan.host import nfnetlink
from dualwan.host.nfnetlink import (
    Nfnetlink,
    attribute,
    attributes,
    number,
    packed,
    text,
    unreadable,
)
from dualwan.host.nft_handles import elements_of

_OBJECT_NAME, _OBJECT_TYPE, _OBJECT_DATA = 2, 3, 4
_COUNTER = 1  # NFT_OBJECT_COUNTER
_PACKETS = 2  # NFTA_COUNTER_PACKETS
_SET = 2  # NFTA_SET_ELEM_LIST_SET
_KEY, _EXPRESSION, _EXPRESSIONS = 1, 7, 11  # NFTA_SET_ELEM_KEY and so on
_VALUE = 1  # NFTA_DATA_VALUE
_NAME, _DATA = 1, 2  # NFTA_EXPR_NAME, NFTA_EXPR_DATA


def counts(family: str, table: str, elements: str) -> tuple[dict[str, int], dict[str, int]]:
    """Return packets by named counter of a table, and by address in its set ``elements``.

    Both are empty without such a table. Raises OSError, PermissionError without root.
    """
    of, filters = nfnetlink.FAMILIES[family], packed(nfnetlink.NAME, table)
    with Nfnetlink() as asking:
        named = {
            text(attribute(body, _OBJECT_NAME)): _packets(attribute(body, _OBJECT_DATA))
            for body in asking.dump(nfnetlink.GET_OBJECT, of, filters)
            if number(body, _OBJECT_TYPE) == _COUNTER
        }
    if not named or not elements:
        return named, {}
    found = element_counts(family, table, elements)  # without a quota there is no such set
    return named, {_address(key): packets for key, packets in found.items()}


def _address(key: bytes) -> str:
    """Return an address as text; raises OSError if ``key`` has another length than one."""
    try:
        return str(ip_address(key))
    except ValueError:
        raise unreadable() from None


def element_counts(family: str, table: str, elements: str) -> dict[bytes, int]:
    """Return packets by key of the set ``elements``, as the kernel has it; empty without the set.

    Elements without a counter are left out. Raises OSError, PermissionError without root.
    """
    of, name = nfnetlink.FAMILIES[family], packed(nfnetlink.NAME, table)
    with Nfnetlink() as asking:
        try:
            found = elements_of(asking, of, name + packed(_SET, elements))
        except FileNotFoundError:
            return {}
    return {
        attribute(attribute(body, _KEY), _VALUE): packets
        for body in found
        if (packets := _counted(body)) is not None
    }


def _counted(element: bytes) -> int | None:
    """Return the packets of an element's counter, None for an element without one."""
    several = attribute(element, _EXPRESSIONS)
    for expression in (
        attribute(element, _EXPRESSION),
        *(content for _, content in attributes(several)),
    ):
        if text(attribute(expression, _NAME)) == "counter":
            return _packets(attribute(expression, _DATA))
    return None


def _packets(data: bytes) -> int:
    return number(data, _PACKETS)
