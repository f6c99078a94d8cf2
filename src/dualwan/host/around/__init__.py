"""The machine around the router, one module a source. Reading changes nothing."""
