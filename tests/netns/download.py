"""A download by a LAN host, of which each byte and each lost packet counts."""

import socket
import struct
import threading
import time
from hashlib import blake2b
from itertools import count

from line import SERVERS
from space import LIMIT, until

PIECE = 1 << 14
TOTAL_RETRANS = 100  # bytes before tcpi_total_retrans in struct tcp_info (linux/tcp.h)


class Download:
    """A LAN client that reads from a server of the internet, and checks each byte."""

    def __init__(self, line, server):
        self.client = line.lan.connect(SERVERS[0], 5000)
        self.server, (_, self.port) = server.accept()
        self.server.settimeout(LIMIT)
        # No probe of the tail (RFC 8985, 7): it repeats what was not lost where a machine is busy.
        line.internet.sysctl("net/ipv4/tcp_early_retrans", "0")
        self.pieces, self.repeated, self.wrong = 0, 0, ""
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
        known = self.server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TOTAL_RETRANS + 4)
        (self.repeated,) = struct.unpack_from("=I", known, TOTAL_RETRANS)
        self.server.close()

    def _read(self):
        stream = self.client.makefile("rb")
        try:
            while data := stream.read(PIECE):
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
        """Stop; complain about what was wrong, and of each packet that had to be sent again."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert self.wrong == ""
        assert self.repeated == 0
