"""Modules that run inside the guest: the simulated line, and tools to use and observe it."""
