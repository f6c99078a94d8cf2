"""Exchanges with other machines: DNS, HTTPS, and the answers of the line's own servers."""
