"""A kernel and a udev that have news: what happens, happens when somebody waits for it."""

import os
import sys
from types import SimpleNamespace

from rtnetlink import Kernel


class Listening(Kernel):
    """A Kernel whose changes are told by netlink, one burst at a time.

    bursts: lists of functions that change the kernel. The next burst is announced when
    somebody looks at the machine after the one before was read; a function of it is called
    when its message is read. happened: how many bursts were announced.
    """

    def __init__(self, *messages, bursts=()):
        super().__init__(*messages)
        self.bursts = list(bursts)
        self.happened = 0
        self.endless = False  # whoever waits without a limit, does so in vain after the last burst
        self.groups = 0
        self.open = 0
        self._unread = []
        self._out, self._in = os.pipe()

    def __enter__(self):
        self.open += 1
        return self

    def __exit__(self, *_):
        self.open -= 1

    def bind(self, groups):
        """Take the groups that are listened to."""
        self.groups |= groups

    def fileno(self):
        """Return what is readable while there is news."""
        return self._out

    def announce(self):
        """Announce the next burst, unless one is unread."""
        if self.bursts and not self._unread:
            self._unread = self.bursts.pop(0)
            self.happened += 1
            os.write(self._in, bytes(len(self._unread)))
        elif self.endless and not self._unread and self._in is not None:
            os.close(self._in)
            self._in = None

    def get(self):
        """Read a message: what it tells of has happened by then."""
        assert os.read(self._out, 1), "nothing happens any more: this would wait for ever"
        self._unread.pop(0)()

    def link_lookup(self, ifname):
        """Look at the machine."""
        self.announce()
        return super().link_lookup(ifname)

    # --- what happens --------------------------------------------------------------------

    def add(self, *messages):
        """Return a function that puts ``messages`` there."""
        return lambda: self.messages.extend(messages)

    def drop(self, *messages):
        """Return a function that takes ``messages`` away."""
        return lambda: [self.messages.remove(one) for one in messages]

    def close_all(self):
        """Close the pipe."""
        os.close(self._out)
        if self._in is not None:
            os.close(self._in)


class Udev:
    """What pyudev is to this program: devices that are there, and an event for each new one.

    arrivals: names, each of which arrives when somebody waits; None: nobody arrives in time.
    """

    def __init__(self, *present, arrivals=()):
        self.present = list(present)
        self.arrivals = list(arrivals)
        self.filtered = []
        self.started = False
        self.timeouts = []
        self._out, self._in = os.pipe()

    def use(self, monkeypatch):
        """Have `import pyudev` find this."""
        monkeypatch.setitem(
            sys.modules,
            "pyudev",
            SimpleNamespace(
                Context=lambda: self, Monitor=SimpleNamespace(from_netlink=lambda _: self)
            ),
        )
        return self

    def filter_by(self, subsystem):
        """Take the subsystem whose events are listened to."""
        self.filtered.append(subsystem)

    def start(self):
        """Listen from now on."""
        self.started = True

    def list_devices(self, subsystem):
        """Return the devices that are there."""
        assert self.started, "one that comes between looking and listening would be missed"
        assert subsystem == "net"
        return [SimpleNamespace(sys_name=name) for name in self.present]

    def fileno(self):
        """Return what is readable while there is news."""
        return self._out

    def ring(self):
        """Announce an event that poll reads."""
        os.write(self._in, b"\0")
        self.arrivals.append("eth9")

    def poll(self, timeout):
        """Return the next device that arrives, None for none."""
        self.timeouts.append(timeout)
        name = self.arrivals.pop(0) if self.arrivals else None
        if name is None:
            return None
        if timeout == 0:
            os.read(self._out, 1)
        self.present.append(name)
        return SimpleNamespace(sys_name=name)

    def close_all(self):
        """Close the pipe."""
        os.close(self._out)
        os.close(self._in)
