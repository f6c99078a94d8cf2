"""The language of nft: tables as values, transactions, listings. Pure, no I/O."""
