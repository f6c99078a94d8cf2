"""What the guest image is made of: packages, the files baked in, and the key that names them."""

from __future__ import annotations

import hashlib
import json

SUITES = ("bookworm", "trixie")
NEXT = "forky"  # Debian's next release, which no run of all scenarios includes

# Everything the product depends on and everything a test uses: the guest has no network.
PACKAGES = (
    "linux-image-amd64",
    "initramfs-tools",
    "systemd",
    "systemd-sysv",
    "udev",
    "kmod",
    "procps",
    "ifupdown",
    "network-manager",
    "dbus",
    "libbsd0",
    "adduser",
    "iproute2",
    "iputils-ping",
    "ethtool",
    "nftables",
    "iptables",
    "conntrack",
    "ppp",
    "pppoe",
    "radvd",
    "python3",
    "python3-pyroute2",
    "python3-pyudev",
    "python3-tomli",
    "python3-structlog",
    "python3-dnspython",
    "python3-nftables",
    "python3-pytest",
    "tcpdump",
    "nmap",
    "curl",
    "socat",
    "iperf3",
    "dnsmasq-base",
    "openssl",
    "ca-certificates",
)

# Packages of one suite. trixie: its dhcpcd runs as a service, on all interfaces. NEXT: mount(8) is
# no longer part of every installation.
OF_SUITE = {"bookworm": (), "trixie": ("dhcpcd",), NEXT: ("mount",)}

# Kept as files: each of them provides ifup, so installing one removes another.
KEPT = ("ifupdown-ng", "ifupdown2")
KEPT_FOLDER = "/var/lib/lab/packages"

# Left out while the image is built, for speed: no test reads them and QEMU has no such hardware.
# The exclusions are lifted at the end, so a package installed in the guest is installed whole.
PATH_EXCLUDES = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/i18n/locales/*",
    *(
        f"{root}/lib/modules/*/kernel/{part}/*"
        for root in ("", "/usr")
        for part in (
            "sound",
            "drivers/gpu",
            "drivers/media",
            "drivers/infiniband",
            "drivers/staging",
            "drivers/iio",
            "drivers/hwmon",
            "drivers/input",
            "drivers/bluetooth",
            "drivers/net/wireless",
            "drivers/net/ethernet",
            "drivers/usb",
            "drivers/mtd",
        )
    ),
)

# Early user space prints this line; by it the host knows that the accelerator works.
EARLY_LINE = "lab: early user space"

INITRAMFS_SCRIPT = f"""\
#!/bin/sh
[ "$1" = prereqs ] && exit 0
echo "{EARLY_LINE}" > /dev/console
"""

# Starts before any of the router's own networking, because a real line is there before it.
LINE_UNIT = """\
[Unit]
Description=The simulated FLET'S line
DefaultDependencies=no
After=local-fs.target systemd-udevd.service systemd-sysctl.service
Before=network-pre.target networking.service shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/lab/start boot

[Install]
WantedBy=multi-user.target
"""

AGENT_UNIT = """\
[Unit]
Description=Carries out what the host asked for
After=lab-line.service networking.service basic.target

[Service]
Type=oneshot
ExecStart=/usr/local/lib/lab/start agent
TimeoutStartSec=infinity
KillMode=mixed
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=multi-user.target
"""

# The test code is mounted by 9p rather than built into the image, so a change rebuilds nothing.
START_SCRIPT = """\
#!/bin/sh
# usage: start boot|agent
set -e
if ! mountpoint -q /lab/checkout; then
    modprobe 9pnet_virtio
    mkdir -p /lab/checkout /lab/results
    mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro checkout /lab/checkout
    mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 results /lab/results
fi
# Python finds the lab by the working directory: no variable that the product would inherit.
cd /lab/checkout/tests/lab
exec /usr/bin/python3 -B -m "guest.$1"
"""

# Each path with its mode and content.
FILES: dict[str, tuple[int, str]] = {
    "etc/initramfs-tools/conf.d/lab": (0o644, "MODULES=list\nCOMPRESS=gzip\n"),
    "usr/share/initramfs-tools/modules.d/lab": (0o644, "virtio_pci\nvirtio_blk\next4\n"),
    "etc/initramfs-tools/scripts/init-top/lab": (0o755, INITRAMFS_SCRIPT),
    "etc/systemd/system/lab-line.service": (0o644, LINE_UNIT),
    "etc/systemd/system/lab-agent.service": (0o644, AGENT_UNIT),
    "usr/local/lib/lab/start": (0o755, START_SCRIPT),
}

# Written last, because mmdebstrap and the packages write these files too. With a fixed machine-id
# systemd does not treat every boot as the first.
FINAL_FILES: dict[str, tuple[int, str]] = {
    "etc/hostname": (0o644, "router\n"),
    "etc/hosts": (0o644, "127.0.0.1 localhost router\n::1 localhost\n"),
    "etc/machine-id": (0o444, "d0a1a9d0a1a9d0a1a9d0a1a9d0a1a9d0\n"),
    "etc/fstab": (0o644, "/dev/vda / ext4 defaults 0 0\n"),
    "etc/apt/sources.list": (0o644, ""),
    "etc/resolv.conf": (0o644, ""),
}

ENABLED_UNITS = ("lab-line.service", "lab-agent.service")

# No timer or service may interfere with a test.
MASKED_UNITS = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "systemd-tmpfiles-clean.timer",
    "getty@tty1.service",
    "getty.target",
    "serial-getty@ttyS0.service",
    "radvd.service",
    "NetworkManager.service",
    "NetworkManager-wait-online.service",
    "dhcpcd.service",
)

DISK_MEGABYTES = 3072


def key(suite: str) -> str:
    """The name of the image that this recipe gives for `suite`."""
    parts = [
        suite,
        PACKAGES,
        OF_SUITE[suite],
        KEPT,
        PATH_EXCLUDES,
        sorted(FILES.items()),
        sorted(FINAL_FILES.items()),
        ENABLED_UNITS,
        MASKED_UNITS,
        DISK_MEGABYTES,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
