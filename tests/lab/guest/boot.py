"""Run by lab-line.service: the line stands when the router's network starts."""

from __future__ import annotations

from guest.line import Line

if __name__ == "__main__":
    Line().build()
