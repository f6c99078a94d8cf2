"""Puts a set of docs/your-lan in place: `prepare_your_lan SET`."""

from __future__ import annotations

import sys

from guest import product, your_lan
from guest.isp import DELEGATES
from guest.line import Line

if __name__ == "__main__":
    chosen = your_lan.SETS[sys.argv[1]]
    product.install()
    if chosen.delegated:
        DELEGATES.parent.mkdir(parents=True, exist_ok=True)
        DELEGATES.touch()
        Line().isp.delegate()
    your_lan.install(chosen)
    your_lan.CHOSEN.write_text(sys.argv[1])
