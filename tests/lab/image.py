"""Builds and caches the guest image: a stock Debian from the machine's own mirror."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import recipe

Progress = Callable[[float], None]

KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
)
HOST_TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "mkfs.ext4": "e2fsprogs",
    "qemu-system-x86_64": "qemu-system-x86",
}
PROGRESS_SECONDS = 5.0
UNUSED_DAYS = 3


class LabError(Exception):
    """The lab can't go on; the message is meant for a person."""


@dataclass(frozen=True)
class Image:
    """What QEMU needs to boot one suite."""

    suite: str
    folder: Path

    @property
    def disk(self) -> Path:
        """The root file system, never written to (QEMU boots a snapshot of it)."""
        return self.folder / "disk.img"

    @property
    def kernel(self) -> Path:
        """Debian's own kernel."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """Its initial RAM disk."""
        return self.folder / "initrd.img"


def cache_folder() -> Path:
    """Where images live between runs, outside the checkout."""
    named = os.environ.get("DUALWAN_LAB_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "dualwan-hook" / "lab"


def require_host_tools() -> None:
    """Say which Debian packages are missing on this machine, if any."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = sorted({pkg for tool, pkg in HOST_TOOLS.items() if not shutil.which(tool, path=path)})
    if missing:
        raise LabError(f"missing on this machine: apt-get install {' '.join(missing)}")


def is_cached(suite: str) -> bool:
    """Whether the image of this recipe is there already."""
    return (cache_folder() / f"{suite}-{recipe.key(suite)}").is_dir()


def ensure(suite: str, progress: Progress = lambda _elapsed: None) -> Image:
    """The image for `suite`, built now unless it's in the cache."""
    if suite not in recipe.OF_SUITE:
        raise LabError(f"no such suite: {suite} (known: {', '.join(recipe.OF_SUITE)})")
    require_host_tools()
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"{suite}-{recipe.key(suite)}"
    with locked(cache / f"{suite}.lock"):
        if not folder.is_dir():
            _build(suite, folder, progress)
        os.utime(folder)
        _forget_unused(cache, suite)
    return Image(suite, folder)


def _forget_unused(cache: Path, suite: str) -> None:
    """Remove images of other recipes, unless a checkout has used them in the last days."""
    oldest = time.time() - UNUSED_DAYS * 86400
    for image in cache.glob(f"{suite}-*"):
        if image.stat().st_mtime < oldest:
            shutil.rmtree(image)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``, so that only one run builds at a time."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build(suite: str, folder: Path, progress: Progress) -> None:
    """Build in a temporary folder and rename it at the end: a broken build leaves no image."""
    if os.geteuid() != 0:
        raise LabError("building the guest image needs root: run this once as root or with sudo")
    work = Path(tempfile.mkdtemp(prefix=f".build-{suite}-", dir=folder.parent))
    work.chmod(0o755)
    try:
        with _ticking(progress):
            _bootstrap(suite, work)
            _finish(work / "root")
            pack(work)
        shutil.rmtree(work / "root")
        shutil.rmtree(work / "files")
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _ticking(progress: Progress) -> Iterator[None]:
    """Call `progress` with the elapsed seconds every few seconds until the block ends."""
    started = time.monotonic()
    done = threading.Event()

    def tick() -> None:
        while not done.wait(PROGRESS_SECONDS):
            progress(time.monotonic() - started)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def mirror() -> str:
    """The Debian mirror that this machine's own apt is configured with."""
    listing = output(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)"])
    releases = {*recipe.SUITES, "stable", "oldstable", "testing", "unstable", "sid"}
    for line in listing.splitlines():
        uri, release, component = line.rsplit(" ", 2)
        if release in releases and component == "main":
            return uri.rstrip("/")
    raise LabError("apt on this machine is configured with no Debian mirror")


def keyring() -> Path:
    """Debian's keys, as this machine has them."""
    found = next((path for path in KEYRINGS if path.exists()), None)
    if found is None:
        raise LabError("missing on this machine: apt-get install debian-archive-keyring")
    return found


def source(suite: str) -> str:
    """Return the line of sources.list(5) for `suite`."""
    return f"deb [signed-by={keyring()}] {mirror()} {suite} main"


def apt_options() -> list[str]:
    """How this machine's apt reaches its mirror (a proxy, for one), for the apt of the build."""
    lines = output(["apt-config", "dump", "--format", '%F "%v";%n', "Acquire"]).splitlines()
    kept = ("Acquire::http::", "Acquire::https::", "Acquire::Retries ")
    return [line for line in lines if line.startswith(kept) and not line.endswith(' "";')]


def bootstrap(suite: str, root: Path, log: Path, options: list[str]) -> None:
    """Let mmdebstrap make `root`, as the machine's own apt would get it."""
    command = ["mmdebstrap", "--mode=root", "--arch=amd64", "--skip=check/empty", *options]
    command += ["--dpkgopt=force-unsafe-io"]
    command += ['--aptopt=Acquire::Languages "none"', '--aptopt=APT::Install-Recommends "false"']
    command += [f"--aptopt={option}" for option in apt_options()]
    if suite not in recipe.SUITES:  # a mirror may hold lists of a testing release past their date
        command += ['--aptopt=Acquire::Check-Valid-Until "false"']
    command += [suite, str(root), source(suite)]
    _logged(command, log)


def _bootstrap(suite: str, work: Path) -> None:
    files = work / "files"
    _write(files, recipe.FILES)
    options = [
        "--variant=apt",
        f"--include={','.join((*recipe.PACKAGES, *recipe.OF_SUITE[suite]))}",
    ]
    options += [f"--dpkgopt=path-exclude={pattern}" for pattern in recipe.PATH_EXCLUDES]
    options += [f"--essential-hook=sync-in {files} /"]
    folder = recipe.KEPT_FOLDER
    download = f"mkdir -p {folder} && cd {folder} && apt-get -q download {' '.join(recipe.KEPT)}"
    options += [f"--customize-hook=chroot \"$1\" sh -c '{download}'"]
    bootstrap(suite, work / "root", work / "build.log", options)


def _finish(root: Path) -> None:
    _write(root, recipe.FINAL_FILES)
    for leftover in (root / "etc/dpkg/dpkg.cfg.d").glob("*mmdebstrap*"):
        leftover.unlink()
    for leftover in (root / "etc/apt/apt.conf.d").glob("*mmdebstrap*"):
        leftover.unlink()
    system = root / "etc/systemd/system"
    wants = system / "multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    for unit in recipe.ENABLED_UNITS:
        (wants / unit).symlink_to(f"../{unit}")
    for unit in recipe.MASKED_UNITS:
        (system / unit).unlink(missing_ok=True)
        (system / unit).symlink_to("/dev/null")


def pack(work: Path) -> None:
    """Make kernel, initial RAM disk and disk image of ``work``/root."""
    root = work / "root"
    for name, pattern in (("vmlinuz", "vmlinuz-*"), ("initrd.img", "initrd.img-*")):
        shutil.copy(max((root / "boot").glob(pattern)), work / name)
    disk = work / "disk.img"
    with disk.open("wb") as handle:
        handle.truncate(recipe.DISK_MEGABYTES << 20)
    command = ["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-m", "0", "-L", "lab"]
    command += ["-E", "lazy_itable_init=1,root_owner=0:0", "-d", str(root), str(disk)]
    _logged(command, work / "build.log")


def _write(root: Path, files: dict[str, tuple[int, str]]) -> None:
    root.mkdir(mode=0o755, exist_ok=True)
    for name, (mode, content) in files.items():
        path = root / name
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(content)
        path.chmod(mode)


def _environment() -> dict[str, str]:
    path = os.environ.get("PATH", "")
    return {**os.environ, "PATH": f"{path}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}


def output(command: list[str]) -> str:
    """Return what a program prints; raises LabError."""
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{command[0]} failed: {done.stderr.strip()}")
    return done.stdout


def _logged(command: list[str], log: Path) -> None:
    with log.open("a") as handle:
        done = subprocess.run(
            command,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        tail = "\n  ".join(log.read_text(errors="replace").splitlines()[-15:])
        raise LabError(f"{command[0]} failed with exit code {done.returncode}:\n  {tail}")
