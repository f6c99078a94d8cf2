"""Makes the router come up by itself at its next boot: `prepare_boot auto|allow-hotplug`.

With allow-hotplug the configuration has nothing about MAP-E.
"""

from __future__ import annotations

import sys

from guest import product, router

if __name__ == "__main__":
    if product.wan_is_up():
        product.take_down()
    if not product.is_installed():
        product.install()
    hotplug = sys.argv[1] == "allow-hotplug"
    product.configure(product.AUTO_CONFIG if hotplug else product.GOOD_CONFIG)
    router.write_interfaces(sys.argv[1])
