"""MAP-E (RFC 7597): rules, port sets, and what follows from a prefix. Pure; usable on its own."""
