"""nft's language: tables as values, transactions between them, listings. Pure, no I/O."""
