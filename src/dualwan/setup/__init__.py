"""A first configuration, from what a machine and its old scripts say. Pure.

shell and rule read; script, filter_rules, nat_rules and saved say for each command which key does
it, or why none; wish merges that; softwire asks the rules of MAP-E; template writes the file.
"""
