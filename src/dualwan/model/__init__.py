"""The values that slices and host exchange: resources, what was observed, plans, state. Pure."""
