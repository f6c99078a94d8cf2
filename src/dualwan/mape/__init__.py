"""MAP-E (RFC 7597): rules, port sets, and the derivation of a CE. Pure; usable on its own."""
