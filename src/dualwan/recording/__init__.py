"""A machine in a file, for a bug report: recorded without its owner's addresses, and replayed.

No event imports this package.
"""
