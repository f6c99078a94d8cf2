"""What runs inside the guest: the line, and the tools to use it and to look at it."""
