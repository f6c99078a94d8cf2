"""Builds and caches the package of an earlier release, from the checkout's own history."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from image import LabError, cache_folder, locked

VERSION = "0.1.0"
COMMIT = "7780b9e5d3033d4da3cb12086892a094fd722c29"
_CHECKOUT = Path(__file__).resolve().parents[2]
# Whoever owns the checkout: root reads it for them.
_GIT = ("git", "-c", "safe.directory=*", "-C", str(_CHECKOUT))


def ensure() -> Path:
    """Return the package of the release, built now unless it is in the cache."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    package = cache / f"released-{VERSION}-{COMMIT[:12]}.deb"
    with locked(cache / "released.lock"):
        if not package.is_file():
            _require_history()
            with tempfile.TemporaryDirectory(prefix="dualwan-released-") as folder:
                built = _build(Path(folder))
                # Copied beside its place and renamed: a broken copy is no package.
                partial = package.with_suffix(".part")
                shutil.copy(built, partial)
                partial.rename(package)
    return package


def _require_history() -> None:
    if not shutil.which("git"):
        raise LabError("missing on this machine: apt-get install git")
    if _attempt([*_GIT, "cat-file", "-e", f"{COMMIT}^{{commit}}"]).returncode:
        raise LabError(
            f"the upgrade scenario builds {VERSION} from its commit {COMMIT[:7]}, which this "
            "checkout does not have; in a shallow clone, run: git fetch --unshallow"
        )


def _build(folder: Path) -> Path:
    tree = folder / "tree"
    tree.mkdir()
    archive = folder / "tree.tar"
    for command in (
        [*_GIT, "archive", f"--output={archive}", COMMIT],
        ["tar", "-x", "-f", str(archive), "-C", str(tree)],
        [str(tree / "packaging/build-deb")],
    ):
        done = _attempt(command)
        if done.returncode:
            tail = "\n  ".join((done.stderr + done.stdout).strip().splitlines()[-15:])
            raise LabError(f"the package of {VERSION} could not be built; {command[0]}:\n  {tail}")
    return next((tree / "dist").glob(f"dualwan-hook_{VERSION}_all.deb"))


def _attempt(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
