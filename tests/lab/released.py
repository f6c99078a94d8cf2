"""Builds and caches the package of an earlier release, from its source beside this file."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path

from image import LabError, cache_folder, locked

VERSION = "0.1.0"
# `git archive` of commit 7780b9e, because a checkout without history has to build it too.
_SOURCE = Path(__file__).resolve().with_name(f"dualwan-hook-{VERSION}.tar.xz")


def ensure() -> Path:
    """Return the package of the release, built now unless it is in the cache."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    digest = sha256(_SOURCE.read_bytes()).hexdigest()
    package = cache / f"released-{VERSION}-{digest[:12]}.deb"
    with locked(cache / "released.lock"):
        if not package.is_file():
            with tempfile.TemporaryDirectory(prefix="dualwan-released-") as folder:
                built = _build(Path(folder))
                # Copied to a temporary name and then renamed, so that a partial copy is never used.
                partial = package.with_suffix(".part")
                shutil.copy(built, partial)
                partial.rename(package)
    return package


def _build(tree: Path) -> Path:
    shutil.unpack_archive(_SOURCE, tree)
    done = subprocess.run(
        [tree / "packaging/build-deb"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        tail = "\n  ".join((done.stderr + done.stdout).strip().splitlines()[-15:])
        raise LabError(f"the package of {VERSION} could not be built:\n  {tail}")
    return next((tree / "dist").glob(f"dualwan-hook_{VERSION}_all.deb"))
