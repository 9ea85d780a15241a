"""The page of a run that is still going: `s2r report --follow`."""
