"""One module for each tier of the checker: its rules, its caveat, one compare function."""
