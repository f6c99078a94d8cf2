"""Default paths, and the default interface and peer of PPP, as plain strings.

A hook reads them before it decides whether the event concerns it; so nothing is imported
here, not even pathlib.
"""

CONFIG = "/etc/dualwan/dualwan.toml"
RULES_DIR = "/etc/dualwan/rules.d"
STATE_DIR = "/var/lib/dualwan"  # answers of the line, leases, LAST_GOOD; kept over a boot
LAST_GOOD = "last-good.json"  # the configuration that was applied last
CLOSE = "/usr/libexec/dualwan-hook/close"  # closes the machine without a configuration
RUN_DIR = "/run/dualwan"  # run state and lock, APPLIED; gone at boot
APPLIED = "applied.json"  # the configuration that ifup, or a person, applied last
TRIAL = "trial"  # folder in STATE_DIR of a configuration that is tried
TRIAL_TEXTS = "tried.toml", "before.toml"  # its files with the texts
PPP_DIR = "/etc/ppp"
PPP_INTERFACE = "ppp0"
PPP_PEER = "dsl-provider"
