"""A router with pppds, as far as the product sees them: programs of root and files in /run."""

import shutil
import subprocess
import time
from pathlib import Path

from line import CONFIG, Line
from space import own_mounts

DIALS = CONFIG.replace("dial = false", "dial = true")
# A pppd's place in main by ioctl(2), as sys-linux.c does it: sifdefaultroute, cifdefaultroute.
ROUTE_IOCTL = """
import ctypes, fcntl, socket, struct, sys
SIOCADDRT, SIOCDELRT, RTF_UP = 0x890B, 0x890C, 1
device = ctypes.create_string_buffer(sys.argv[2].encode())
inet = struct.pack("@H14s", socket.AF_INET, bytes(14))
route = struct.pack("@L16s16s16sHhLBB3hhPLLH", 0, inet, bytes(16), inet, RTF_UP, 0, 0, 0, 0,
    0, 0, 0, 1, ctypes.addressof(device), 0, 0, 0)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
    fcntl.ioctl(asking, SIOCADDRT if sys.argv[1] == "add" else SIOCDELRT, route)
"""


class PppLine(Line):
    """A line whose router has a /run of its own, and processes that are pppds by all signs."""

    def __init__(self, folder, config):
        self.processes = {}
        self.run = folder / "run-of-the-machine"
        self.run.mkdir()
        (folder / "bin").mkdir()
        self.program = folder / "bin" / "pppd"
        shutil.copy(Path("/bin/sh").resolve(), self.program)
        super().__init__(folder, config=config)

    def close(self):
        """Remove everything."""
        for process in self.processes.values():
            process.kill()
            process.stdin.close()
            process.wait()
        super().close()

    def command(self, *argv):
        """Return the command line of dualwan-hook ARGV on the router."""
        inner = super().command(*argv)
        bind = 'mount --bind "$0" /run && exec "$@"'
        return [*inner[:2], *own_mounts(bind), str(self.run), *inner[2:]]

    def pppd(self, device, *words, program=None, owner=0):
        """Let a pppd with WORDS have DEVICE; PROGRAM: another that only calls itself so."""
        argv = self.router.argv(program or self.program, "-c", "read -r word", *words)
        if owner:
            argv = [argv[0], f"--setuid={owner}", *argv[1:]]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE)
        self.processes[device] = process
        exe, name = Path(f"/proc/{process.pid}/exe"), Path(program or self.program).name
        until = time.monotonic() + 10
        while exe.readlink().name != name and time.monotonic() < until:
            time.sleep(0.002)  # nsenter becomes it by exec
        (self.run / f"{device}.pid").write_text(f"{process.pid}\n")
        return process

    def end(self, device):
        """Let the pppd of DEVICE end, with its file and its device."""
        process = self.processes.pop(device)
        process.kill()
        process.stdin.close()
        process.wait()
        (self.run / f"{device}.pid").unlink()
        self.router.run("ip", "link", "del", device)

    def session(self, device, peer, address):
        """Let another session DEVICE come up with ADDRESS; its far end is PEER of the internet."""
        self.router.ip(f"""
            link add {device} type veth peer name {peer} netns {self.internet.name}
            link set {device} up
            address add {address}/32 dev {device}
        """)
        self.internet.ip(f"""
            link set {peer} up
            route replace {address}/32 dev {peer}
        """)
