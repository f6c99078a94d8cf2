"""The nft transaction that makes one table into another. Pure."""

from __future__ import annotations

from dualwan.nft.table import CHAIN, Block, Index, NftTable, by_name


def replacement(old: NftTable | None, new: NftTable, index: Index = by_name) -> str:
    """Return one transaction that makes the table ``new``, whatever it was.

    Where ``old`` is known to stand, the sets, maps and counters that ``new`` has too stay,
    with what packets have put into them. So do base chains, with other rules: a new chain
    gets its policy only after its rules, and between the old one's end and that everything
    could pass (measured: a packet or two a change, under 60,000 a second). Without ``old``
    the whole table goes; what must be shut then has a rule at its end that says so.
    """
    table = f"{new.family} {new.name}"
    if old is None:
        return f"table {table}\n{removal(new)}{new.source(index)}"
    has = {block.key: block for block in new.blocks}
    gone = {block.key for block in old.blocks if not _stays(block, has.get(block.key))}
    kept = {block.key for block in old.blocks if block.kind != CHAIN} - gone
    return "\n".join(
        [
            *(f"flush chain {table} {block.name}" for block in old.blocks if block.kind == CHAIN),
            *(
                f"delete {block.kind} {table} {block.name}"
                for block in old.blocks
                if block.key in gone
            ),
            f"table {table} {{",
            *(block.source(index) for block in new.blocks if block.key not in kept),
            "}",
            "",
        ]
    )


def removal(table: NftTable) -> str:
    """Return what removes a table that is there."""
    return f"delete table {table.family} {table.name}\n"


def _stays(old: Block, new: Block | None) -> bool:
    """Whether a block stays, for other rules if it is a chain.

    nft gives a chain that is there no other hook and no other comment. Of a base chain the
    comment is not worth the gap.
    """
    if new is None or old.hook != new.hook:
        return False
    if old.kind == CHAIN:
        return bool(old.hook) or old.comment == new.comment
    return old == new
