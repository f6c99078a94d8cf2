"""The line as the scenarios use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from guest.addresses import DOWNLOAD_PORT, ECHO_PORT, UDP_PORTS
from guest.line import Line
from guest.servers import Servers


@pytest.fixture(scope="session")
def line() -> Line:
    """The line that lab-line.service built at boot."""
    return Line()


@pytest.fixture(scope="session")
def internet(line: Line) -> Iterator[Servers]:
    """The internet host's servers."""
    with Servers(
        line.internet, tcp=(ECHO_PORT,), udp=(ECHO_PORT, *UDP_PORTS), download=DOWNLOAD_PORT
    ) as servers:
        yield servers
