"""Which QEMU accelerator works here, tested once per boot of this machine."""

from __future__ import annotations

import os
from pathlib import Path

KVM = ("-accel", "kvm", "-cpu", "host", "-smp", "2")
# 5-level page tables only make emulation slower, and so does a second processor: the host's work
# for the same scenarios grows by a third.
TCG = ("-accel", "tcg,tb-size=512", "-cpu", "max,la57=off", "-smp", "1")

# A guest under KVM prints its first line within two seconds, or never if KVM hangs.
KVM_LIMIT_SECONDS = 8.0
# An emulated guest takes 10 to 30 s. One in some hundreds, on a machine under high load, halted
# before that line and never went on.
TCG_LIMIT_SECONDS = 180.0

_DEVICE = Path("/dev/kvm")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def _verdict_file(cache: Path) -> Path:
    return cache / f"kvm-{_BOOT_ID.read_text().strip()}"


def kvm_verdict(cache: Path) -> bool | None:
    """True: KVM works, False: it does not, None: no run has tried since this machine booted."""
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return False
    file = _verdict_file(cache)
    return file.read_text() == "works" if file.exists() else None


def remember_kvm(cache: Path, *, works: bool) -> None:
    """Save the verdict for later runs, and remove those of earlier boots."""
    verdict = _verdict_file(cache)
    for old in cache.glob("kvm-*"):
        if old != verdict:
            old.unlink(missing_ok=True)
    # Two guests may start at the same time, and both be the first: each writes its own temporary
    # file.
    temporary = cache / f".kvm-{os.getpid()}"
    temporary.write_text("works" if works else "hangs")
    temporary.replace(verdict)
