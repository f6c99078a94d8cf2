"""Has another program manage the network from the next boot on: `prepare_manager NAME`."""

from __future__ import annotations

import sys

from guest import managers, product

if __name__ == "__main__":
    if not product.is_installed():
        product.install()
    product.configure(product.AUTO_CONFIG)
    managers.hand_over(sys.argv[1])
