"""Which QEMU accelerator really works here, found out once a boot of this machine."""

from __future__ import annotations

import os
from pathlib import Path

KVM = ("-accel", "kvm", "-cpu", "host")
# 5-level page tables only make emulation slower.
TCG = ("-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max,la57=off")

# A guest under KVM prints its first line within two; one that hangs never does.
KVM_LIMIT_SECONDS = 8.0
# An emulated one takes 10 to 30 s. One of some hundreds, on a machine with a high load, halted
# before that line, and for good.
TCG_LIMIT_SECONDS = 180.0

_DEVICE = Path("/dev/kvm")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def _verdict_file(cache: Path) -> Path:
    return cache / f"kvm-{_BOOT_ID.read_text().strip()}"


def kvm_verdict(cache: Path) -> bool | None:
    """True: works, False: doesn't, None: nobody tried since this machine booted."""
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return False
    file = _verdict_file(cache)
    return file.read_text() == "works" if file.exists() else None


def remember_kvm(cache: Path, *, works: bool) -> None:
    """Keep the verdict for the runs that follow, and forget those of earlier boots."""
    verdict = _verdict_file(cache)
    for old in cache.glob("kvm-*"):
        if old != verdict:
            old.unlink(missing_ok=True)
    # Two guests are started side by side, and both may be the first: each writes a file of its own.
    temporary = cache / f".kvm-{os.getpid()}"
    temporary.write_text("works" if works else "hangs")
    temporary.replace(verdict)
