"""SHA-256 without OpenSSL, whose loading by hashlib costs each event 2 ms and 2 MB.

The standard library's random imports SHA-256 in the same way. hashlib is the fallback.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:
        sha256 = import_module("_sha2" if sys.version_info >= (3, 12) else "_sha256").sha256
    except (ImportError, AttributeError):
        from hashlib import sha256

__all__ = ["sha256"]
