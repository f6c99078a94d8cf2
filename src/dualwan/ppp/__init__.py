"""pppd(8), versions 2.4.9 and 2.5.2: its option files, its processes and its sessions. Pure."""
