#!/usr/bin/python3
"""Run all of debian/tests in a virtual machine: the scenario wants one of its own. root.

By autopkgtest and its runner for QEMU, with the .deb and the .dsc as they were built. The machine
has no network: what the tests depend on is in its image.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lab"))
import accel  # noqa: E402 - of the lab: whether KVM works here
import image  # noqa: E402 - and how it builds an image

NEEDED = (
    *("linux-image-amd64", "initramfs-tools", "systemd-sysv", "udev", "dbus", "login"),
    *("apt-utils", "dpkg-dev", "python3"),
)
# How the runner finds its way in, as its own setup-testbed has it.
SHELL_UNIT = """\
[Unit]
ConditionPathExists=/dev/hvc1
[Service]
ExecStart=/bin/sh
StandardInput=tty-fail
StandardOutput=tty
StandardError=tty
TTYPath=/dev/hvc1
SendSIGHUP=yes
[Install]
WantedBy=multi-user.target
"""
ARGUMENTS = (
    "root=/dev/vda rw console=ttyS0 quiet panic=5 net.ifnames=0 mitigations=off apparmor=0 "
    "systemd.show_status=0"
)
# The runner takes KVM wherever there is /dev/kvm, and no kernel beside the disk.
QEMU = """\
#!/bin/bash
words=()
for word in "$@"; do
    [ "$word" = -enable-kvm ] || words+=("$word")
done
exec qemu-system-x86_64 "${{words[@]}}" {more}
"""
BOOT_SECONDS = 600


def main() -> int:
    """Make the machine, and run everything there; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", choices=(*image.recipe.SUITES, image.recipe.NEXT))
    parser.add_argument("package", nargs="+", type=Path, help=".deb and .dsc")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dualwan-autopkgtest-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        debs = [path for path in arguments.package if path.suffix == ".deb"]
        _make(arguments.suite, folder, _dependencies(debs[0]))
        (folder / "qemu").write_text(QEMU.format(more=shlex.join(_options(folder))))
        (folder / "qemu").chmod(0o755)
        runner = ("qemu", "--qemu-command", folder / "qemu", "--timeout-reboot", str(BOOT_SECONDS))
        done = subprocess.run(
            [
                *("autopkgtest", "--output-dir", folder / "output", *arguments.package),
                *("--", *runner, "--ram-size", "2048", folder / "disk.img"),
            ],
            check=False,
        )
        summary = folder / "output/summary"
        print("== summary", summary.read_text() if summary.is_file() else "none", sep="\n")
    return done.returncode


def _options(folder: Path) -> list[str]:
    works = accel.kvm_verdict(image.cache_folder()) is True
    return [
        *(accel.KVM if works else accel.TCG),
        *("-kernel", str(folder / "vmlinuz"), "-initrd", str(folder / "initrd.img")),
        *("-append", ARGUMENTS),
    ]


def _dependencies(deb: Path) -> list[str]:
    """Return the packages that the .deb and its tests name, the first of alternatives."""
    own = subprocess.run(
        ["dpkg-deb", "--field", deb, "Depends"], check=True, capture_output=True, text=True
    ).stdout
    control = (ROOT / "packaging/debian/tests/control").read_text()
    fields = re.findall(r"^Depends:((?:.*\n)(?: .*\n)*)", control, re.MULTILINE)
    names = {item.split()[0].split(":")[0] for item in ",".join((own, *fields)).split(",")}
    return sorted(names - {"@"})


def _make(suite: str, work: Path, names: list[str]) -> None:
    unit = work / "files/etc/systemd/system/autopkgtest.service"
    unit.parent.mkdir(parents=True)
    unit.write_text(SHELL_UNIT)
    options = [
        "--variant=apt",
        f"--include={','.join((*NEEDED, *names))}",
        f"--customize-hook=sync-in {work}/files /",
        '--customize-hook=chroot "$1" systemctl enable autopkgtest.service',
        '--customize-hook=echo testbed > "$1/etc/hostname"',
        '--customize-hook=: > "$1/etc/apt/sources.list"',
    ]
    image.bootstrap(suite, work / "root", work / "build.log", options)
    image.pack(work)


if __name__ == "__main__":
    sys.exit(main())
