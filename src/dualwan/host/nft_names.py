"""Names of all nft tables; each PPPoE event asks for them."""

from __future__ import annotations

from dualwan.host.nfnetlink import GET_TABLE, NAME, Nfnetlink, attributes, text


def names() -> frozenset[str]:
    """Return the table names of all families; raises OSError, PermissionError without root."""
    with Nfnetlink() as asking:
        return frozenset(
            text(content)
            for table in asking.dump(GET_TABLE)
            for kind, content in attributes(table)
            if kind == NAME
        )
