"""Notices of changes for the owner's scripts in hooks.d, and which scripts are run. Pure."""
