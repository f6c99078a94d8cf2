"""The machine around the router, by source. Reading changes nothing."""
