"""Notices: what the owner's scripts in hooks.d are told of a change, and which are run. Pure."""
