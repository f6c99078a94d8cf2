"""Default paths, and the default interface and peer of PPP, as plain strings.

A hook reads them before it decides whether the event concerns it; so nothing is imported
here, not even pathlib.
"""

CONFIG = "/etc/dualwan/dualwan.toml"
RULES_DIR = "/etc/dualwan/rules.d"
HOOKS_DIR = "/etc/dualwan/hooks.d"  # scripts of the owner
STATE_DIR = "/var/lib/dualwan"  # answers of the line, and leases; kept over a boot
RUN_DIR = "/run/dualwan"  # run state and lock; gone at boot
PPP_DIR = "/etc/ppp"
PPP_INTERFACE = "ppp0"
PPP_PEER = "dsl-provider"
