"""The commands, one subject a module: a function of the command's name returns the exit code."""
