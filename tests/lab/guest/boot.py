"""Run by lab-line.service: builds the line before the router's network starts."""

from __future__ import annotations

import socket

from guest.cables import ROUTERS
from guest.line import Line

if __name__ == "__main__" and socket.gethostname() not in ROUTERS:
    Line().build()
