"""Fetches packages that a guest's owner installs later, with an index: the guest has no network."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path

import image

INDEX = "Packages"
# The packages of docs/your-lan, and their dependencies that the image lacks.
PACKAGES = ("dhcpcd", "dhcpcd-base", "dnsmasq", "ndppd", "runit-helper", "wireguard-tools")


def ensure(suite: str) -> tuple[Path, ...]:
    """Return the packages of ``suite`` and their index, fetched now unless they are cached."""
    cache = image.cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:12]
    folder = cache / f"packages-{suite}-{key}"
    with image.locked(cache / f"packages-{suite}.lock"):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=cache, prefix=".packages-") as work:
                fetched = Path(work, "fetched")
                fetched.mkdir()
                _fetch(suite, Path(work), fetched)
                (fetched / INDEX).write_text(_index(fetched))
                fetched.rename(folder)
    return tuple(sorted(folder.iterdir()))


def _fetch(suite: str, work: Path, into: Path) -> None:
    """Download with an apt that knows only the suite's packages, none installed on this machine."""
    (work / "lists").mkdir()
    (work / "status").touch()
    (work / "sources.list").write_text(
        f"deb [signed-by={image.keyring()}] {image.mirror()} {suite} main\n"
    )
    settings = {
        "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": work / "lists",
        "Dir::State::status": work / "status",
        "Dir::Cache": work,
        "APT::Architecture": "amd64",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    for action in (["update"], ["download", *PACKAGES]):
        done = subprocess.run(
            ["apt-get", "-q", *options, *action],
            cwd=into,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise image.LabError(f"{' '.join(action)} of {suite}: {done.stderr.strip()}")
    for file in into.glob("*%3a*"):  # apt escapes colons in names, an index does not
        file.rename(file.with_name(file.name.replace("%3a", "-")))


def _index(folder: Path) -> str:
    """The index of a flat repository (sources.list(5))."""
    entries = []
    for file in sorted(folder.glob("*.deb")):
        control = subprocess.run(
            ["dpkg-deb", "--field", file], capture_output=True, text=True, check=True
        ).stdout
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        size = file.stat().st_size
        entries.append(f"{control}Filename: ./{file.name}\nSize: {size}\nSHA256: {digest}\n")
    return "\n".join(entries)
