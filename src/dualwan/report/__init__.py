"""Showing: the plan as = + ~ - lines, the status, both also as JSON."""
