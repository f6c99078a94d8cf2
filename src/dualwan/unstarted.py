"""Import parts of other packages without running the ``__init__`` of the package.

An event needs a class or two of a package whose ``__init__`` loads all of it. The package is
registered in sys.modules without being executed; if a part cannot be imported that way in some
release, the ordinary import is the fallback.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import Any


def load(module: str, name: str) -> Any:
    """Return ``name`` of ``module``, a part of another package; raises ImportError."""
    package = module.partition(".")[0]
    spec = find_spec(package) if package not in sys.modules else None
    if spec is not None:
        sys.modules[package] = module_from_spec(spec)
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError):
        for one in [one for one in sys.modules if one.partition(".")[0] == package]:
            del sys.modules[one]
        return getattr(import_module(module), name)
