"""dualwan-hook: MAP-E and PPPoE side by side on one FLET'S line."""

__version__ = "0.1.0"
