"""A download by a LAN host, of which each byte and each pause counts."""

import threading
import time
from hashlib import blake2b
from itertools import count

from line import SERVERS
from space import LIMIT, until

PIECE = 1 << 14
PAUSE = 0.75  # seconds that a download may stand still, on a busy machine


class Download:
    """A LAN client that reads from a server of the internet, and checks each byte."""

    def __init__(self, line, server):
        self.client = line.lan.connect(SERVERS[0], 5000)
        self.server, (_, self.port) = server.accept()
        self.server.settimeout(LIMIT)
        self.pieces, self.pause, self.wrong = 0, 0.0, ""
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._write, self._read)
        ]

    def start(self):
        """Start; return this object."""
        for thread in self._threads:
            thread.start()
        assert until(lambda: self.pieces > 50)
        return self

    @staticmethod
    def piece(number):
        """Return the piece NUMBER of what is loaded."""
        return blake2b(number.to_bytes(8, "big")).digest() * (PIECE // 64)

    def _write(self):
        try:
            for number in count():
                if self._stop.is_set():
                    break
                self.server.sendall(self.piece(number))
                time.sleep(0.001)
        except OSError as error:
            self.wrong = self.wrong or str(error)
        self.server.close()

    def _read(self):
        stream, last = self.client.makefile("rb"), time.monotonic()
        try:
            while data := stream.read(PIECE):
                now = time.monotonic()
                self.pause, last = max(self.pause, now - last), now
                if data != self.piece(self.pieces):
                    self.wrong = f"piece {self.pieces} is not what was sent"
                    break
                self.pieces += 1
        except OSError as error:
            self.wrong = self.wrong or str(error)

    def goes_on(self):
        """Return whether more has arrived."""
        had = self.pieces
        return until(lambda: self.pieces > had + 50)

    def end(self):
        """Stop; complain about what was wrong."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert self.wrong == ""
        assert self.pause < PAUSE
