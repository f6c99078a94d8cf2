"""The values that slices and host exchange: resources, observations, plans, state. Pure."""
