"""A first configuration, from the state of a machine and its old scripts. Pure.

shell and rule parse; script, filter_rules, nat_rules and saved find for each command the key that
does the same, or why there is none; wish merges these; softwire consults the rules of MAP-E;
template writes the file.
"""
