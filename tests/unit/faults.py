"""A machine in memory on which any one call fails, or is the last that the process makes."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import NamedTuple

from dualwan.errors import BusyError, ConfigError, HostError, KernelError, RecordError, RemoteError
from dualwan.host.fake import FakeHost
from dualwan.host.fake_kernel import _attempt
from dualwan.model.observed import Observed
from dualwan.model.plan import Action
from dualwan.nft.table import NftTable

REASONS = {
    "permission": "Operation not permitted",
    "busy": "Device or resource busy",
    "not-found": "No such file or directory",
    "no-memory": "Cannot allocate memory",
    "no-feature": "Operation not supported",
    "interrupted": "Interrupted system call",
    "no-space": "No space left on device",
}
_CHANGE = ("permission", "busy", "not-found", "no-memory", "no-feature", "deadline", "kill")
_READ = ("permission", "no-memory", "interrupted", "deadline", "kill")
_FILE = ("no-space", "permission", "deadline", "kill")
_PROGRAM = ("permission", "no-memory", "not-found", "deadline", "kill")
_SERVER = ("remote", "deadline", "kill")
# What can happen to a call, by what the call is.
KINDS = {
    "apply": _CHANGE,
    "load": (*_CHANGE, "unrecorded"),  # a table: it is in the kernel, and its record is not kept
    "observe": _READ,
    "prefixes": _READ,
    "counts": _READ,
    "names": ("permission", "kill"),
    "generation": ("permission", "kill"),
    "lock": ("busy", "permission", "kill"),
    "save": _FILE,
    "answers": _FILE,
    "pppd": _PROGRAM,
    "conntrackd": _PROGRAM,
    "asking": ("busy", "permission", "kill"),
    "ping": ("permission", "deadline", "kill"),
    "server": _SERVER,
    "update": ("remote", "config", "deadline", "kill"),
}


class KilledError(BaseException):
    """The process is gone: nothing of ours may catch this."""


class Fault(NamedTuple):
    """The fault ``kind`` of REASONS, or another word of KINDS, at the call number ``at``."""

    at: int
    kind: str


class Call(NamedTuple):
    """A call of the machine: its role, a key of KINDS, and what it is about."""

    role: str
    text: str


class Faulty(FakeHost):
    """A FakeHost with devices that counts its calls, and has one fail.

    fault: which, None for none. calls: those made so far. hit: the one that failed.
    told: the words of its error.
    """

    def __init__(self, *devices):
        super().__init__(
            Observed(
                sysctls={"net/ipv6/conf/all/forwarding": "0", "net/ipv4/ip_forward": "0"},
                ipv6_default=True,
            )
        )
        self.fault = self.hit = None
        self.told = ""
        self.calls = []
        self.dead = False
        self.forgotten = set()  # by auxiliary steps, ever
        for device in devices:
            self.plug(device)

    def clone(self):
        """Return a copy to which other things may happen."""
        made = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, dict | list | set):
                setattr(made, name, copy.copy(value))
        return made

    def start(self, fault=None):
        """Begin another process, on which ``fault`` comes."""
        self.fault, self.hit, self.told, self.calls = fault, None, "", []
        self.dead = self.locked = False
        self.applied = []

    def _call(self, role, text=""):
        """Count a call; return the kind of fault that comes now, "" for none."""
        if self.dead:
            raise KilledError
        self.calls.append(Call(role, text))
        if self.fault is None or self.fault.at != len(self.calls) - 1:
            return ""
        kind = self.fault.kind
        assert kind in KINDS[role], f"{kind} cannot happen to {role}"
        self.hit = self.calls[-1]
        self.told = REASONS.get(kind, kind)
        if kind == "kill":
            self.dead = True
            raise KilledError
        return kind

    def _reading(self, role, text):
        """Count a call that reads the kernel; raise what it raises."""
        kind = self._call(role, text)
        self._deadline(kind)
        if kind:
            raise KernelError(f"{text}: {self.told}")

    @staticmethod
    def _deadline(kind):
        if kind == "deadline":
            raise BusyError("gave up after 60 s: deadline")

    # --- the kernel ----------------------------------------------------------------------

    def observe(self, reads):
        """See Kernel."""
        self._reading("observe", "routes")
        return super().observe(reads)

    def prefixes(self, device):
        """See LineServices."""
        self._reading("prefixes", f"addresses of {device}")
        return super().prefixes(device)

    def counts(self, table, elements):
        """See Kernel."""
        self._reading("counts", f"nft table {table.family} {table.name}")
        return super().counts(table, elements)

    def table_names(self):
        """See Kernel."""
        return None if self._call("names") else super().table_names()

    def ruleset_generation(self):
        """See Kernel."""
        return None if self._call("generation") else super().ruleset_generation()

    def any_answers(self, device, hosts):
        """See Kernel."""
        kind = self._call("ping", device)
        self._deadline(kind)
        if kind:
            raise HostError(f"ping {device}: {self.told}")
        return super().any_answers(device, hosts)

    def apply(self, step):
        """See Kernel."""
        gone = step.action is Action.REMOVE
        loads = isinstance(step.resource, NftTable) and not gone
        kind = self._call("load" if loads else "apply", f"{step.sign} {step.text}")
        self._deadline(kind)
        if kind == "unrecorded":
            self._keep_no_record(step)
        if kind:
            raise KernelError(f"{_attempt(step.resource, gone=gone)}: {self.told}")
        super().apply(step)
        if step.auxiliary:
            self.forgotten.add(step.text)

    def _keep_no_record(self, step):
        self.refuse = (f"tables/{step.resource.name}",)
        try:
            super().apply(step)
        except RecordError as error:
            self.told = str(error)
            raise
        finally:
            self.refuse = ()

    # --- files ---------------------------------------------------------------------------

    @contextmanager
    def lock(self, seconds):
        """See Store. A process that is killed lets go of it; the alarm of a hook is later."""
        if kind := self._call("lock"):
            raise (BusyError if kind == "busy" else HostError)(f"lock: {self.told}")
        with super().lock(seconds):
            yield

    def save_state(self, state):
        """See Store. A deadline waits until the file is written."""
        kind = self._call("save", "state.json")
        if kind in {"no-space", "permission"}:
            raise HostError(f"state.json: {self.told}")
        super().save_state(state)
        self._deadline(kind)

    def save_answers(self, answers):
        """See LineServices."""
        kind = self._call("answers", "provisioning.json")
        if kind in {"no-space", "permission"}:
            raise HostError(f"provisioning.json: {self.told}")
        super().save_answers(answers)
        self._deadline(kind)

    # --- programs and servers ------------------------------------------------------------

    def _call_program(self, program, command):
        kind = self._call(program, command)
        self._deadline(kind)
        if kind:
            raise HostError(f"{command} cannot be run: {self.told}")

    def _call_pppd(self, command):
        self._call_program("pppd", command)
        super()._call_pppd(command)

    def hang_up(self, peer, seconds):
        """See Pppd. The interface goes with its pppd."""
        ended = super().hang_up(peer, seconds)
        self.unplug({"dsl-provider": "ppp0", "second": "ppp1"}[peer])
        return ended

    def _call_conntrackd(self, order):
        self._call_program("conntrackd", f"conntrackd {order}")
        super()._call_conntrackd(order)

    @contextmanager
    def asking(self):
        """See LineServices."""
        if kind := self._call("asking"):
            raise (BusyError if kind == "busy" else HostError)(f"asking: {self.told}")
        with super().asking():
            yield

    def resolve(self, name, device):
        """See LineServices."""
        self._server(name)
        return super().resolve(name, device)

    def fetch_provisioning(self, source, device, previous, seconds):
        """See LineServices."""
        self._server(source)
        return super().fetch_provisioning(source, device, previous, seconds)

    def _server(self, name):
        kind = self._call("server", name)
        self._deadline(kind)
        if kind:
            raise RemoteError(f"{name}: {self.told}")

    def call_update_url(self, path, device, ce):
        """See LineServices."""
        kind = self._call("update", path)
        self._deadline(kind)
        if kind:
            raise (ConfigError if kind == "config" else RemoteError)(f"{path}: {self.told}")
        return super().call_update_url(path, device, ce)
