"""Packets made by hand: the namespace tests' own, which are found beside the lab."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "netns"))
from packets import FLAGS, Packet  # type: ignore[import-not-found]

__all__ = ["FLAGS", "Packet"]
